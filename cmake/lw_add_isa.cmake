include(CheckCCompilerFlag)
include(${CMAKE_CURRENT_LIST_DIR}/lw_keep_rows.cmake)

# lw_compile_table(NAME SOURCE [FLAGS ...])
#
# Compiles SOURCE, with FLAGS on that translation unit alone, and checks that the object exports nothing but its table,
# lw_isa_NAME. Appends to LW_ISA_OBJECTS in the caller's scope.
function(lw_compile_table name source)
  add_library(lw_isa_${name} OBJECT ${source})
  target_include_directories(lw_isa_${name} PRIVATE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/kernels)
  # Which pixels a tap leaves out at an image's border: compares are foreseen, jumps through a table aren't.
  target_compile_options(lw_isa_${name} PRIVATE -fno-lto -fno-jump-tables ${ARGN})
  if(LANEWISE_KERNELS)
    target_include_directories(lw_isa_${name} PRIVATE ${PROJECT_BINARY_DIR}/generated)
    target_compile_definitions(lw_isa_${name} PRIVATE LW_KEPT_ROWS="kept_rows.inc")
  endif()
  if(LANEWISE_SANITIZE) # unrolled tiles take compilers minutes to instrument at -O2, and nothing here is timed
    target_compile_options(lw_isa_${name} PRIVATE -O1)
    if(LANEWISE_SANITIZE MATCHES "undefined") # checks of every load, which AddressSanitizer makes too
      target_compile_options(lw_isa_${name} PRIVATE -fno-sanitize=alignment,null,object-size,pointer-overflow)
    endif()
  endif()
  add_custom_command(
    OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/lw_isa_${name}.checked
    COMMAND ${CMAKE_COMMAND} -DNM=${CMAKE_NM} -DOBJECT=$<TARGET_OBJECTS:lw_isa_${name}> -DSYMBOL=lw_isa_${name}
            -P ${PROJECT_SOURCE_DIR}/cmake/check_exports.cmake
    COMMAND ${CMAKE_COMMAND} -E touch ${CMAKE_CURRENT_BINARY_DIR}/lw_isa_${name}.checked
    DEPENDS lw_isa_${name} $<TARGET_OBJECTS:lw_isa_${name}>
    COMMENT "checking what the ${name} object exports")
  add_custom_target(lw_isa_${name}_check ALL DEPENDS ${CMAKE_CURRENT_BINARY_DIR}/lw_isa_${name}.checked)
  set(LW_ISA_OBJECTS ${LW_ISA_OBJECTS} $<TARGET_OBJECTS:lw_isa_${name}> PARENT_SCOPE)
endfunction()

# lw_add_isa(NAME [ARCH regex] [FLAGS ...])
#
# Compiles the table of kernels/NAME/kernels.c where the target architecture matches and the compiler knows the flags and
# LANEWISE_ISAS and LANEWISE_KERNELS don't leave it out. Appends to LW_ISA_NAMES (order = preference) and LW_ISA_OBJECTS in the caller's
# scope. The global property LW_ISA_FLAGS_NAME holds the flags, for tests that include the ISA's vec.h.
function(lw_add_isa name)
  cmake_parse_arguments(ISA "" "ARCH" "FLAGS" ${ARGN})
  if(ISA_ARCH AND NOT CMAKE_SYSTEM_PROCESSOR MATCHES "${ISA_ARCH}")
    return()
  endif()
  if(LANEWISE_ISAS AND NOT name STREQUAL "scalar" AND NOT name IN_LIST LANEWISE_ISAS)
    return()
  endif()
  if(ISA_FLAGS)
    string(REPLACE ";" " " flags "${ISA_FLAGS}")
    check_c_compiler_flag("${flags}" LW_COMPILER_HAS_${name})
    if(NOT LW_COMPILER_HAS_${name})
      message(WARNING "this compiler lacks ${flags}: no ${name} kernels")
      return()
    endif()
  endif()
  if(LANEWISE_KERNELS)
    lw_keep_rows(${name} kept ${ISA_FLAGS})
    if(NOT kept AND NOT name STREQUAL "scalar") # scalar ends the list, be it with no row
      return()
    endif()
  endif()
  lw_compile_table(${name} ${name}/kernels.c ${ISA_FLAGS})
  set_property(GLOBAL PROPERTY LW_ISA_FLAGS_${name} ${ISA_FLAGS})
  set(LW_ISA_NAMES ${LW_ISA_NAMES} ${name} PARENT_SCOPE)
  set(LW_ISA_OBJECTS ${LW_ISA_OBJECTS} PARENT_SCOPE)
endfunction()
