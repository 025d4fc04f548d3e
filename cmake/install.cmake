# Installs the header, both libraries, the lanewise command, the weights and digits, and what lets CMake
# (find_package) and pkg-config find them.
include(CMakePackageConfigHelpers)

set_target_properties(lanewise_shared PROPERTIES EXPORT_NAME lanewise)
install(TARGETS lanewise_shared lanewise_static EXPORT lanewise_targets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES include/lanewise.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT lanewise_targets NAMESPACE lanewise:: FILE lanewise-targets.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/lanewise)

configure_package_config_file(cmake/lanewise-config.cmake.in ${PROJECT_BINARY_DIR}/lanewise-config.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/lanewise)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/lanewise-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/lanewise-config.cmake ${PROJECT_BINARY_DIR}/lanewise-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/lanewise)

# Relative to the .pc file, so that an install can be moved.
file(RELATIVE_PATH LW_PC_PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(cmake/lanewise.pc.in ${PROJECT_BINARY_DIR}/lanewise.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/lanewise.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

if(TARGET lanewise)
  install(TARGETS lanewise RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(DIRECTORY models/ DESTINATION ${CMAKE_INSTALL_DATADIR}/lanewise FILES_MATCHING
          PATTERN "*.safetensors" PATTERN "torch_mnist.py" PATTERN "digits/*" PATTERN "__pycache__" EXCLUDE)
endif()
