# LANEWISE_KERNELS: which rows a build has, when it shall not have all.

# lw_keep_rows(ISA OUT [FLAGS ...])
#
# The rows of an ISA that LANEWISE_KERNELS, names or patterns with `*`, asks for: into the variable OUT. Their names are in
# what the preprocessor makes of the ISA's kernels.c, so nothing has to be built or run to know them. The global
# properties LW_KNOWN_ROWS and LW_KEPT_ROWS collect those of all ISAs.
function(lw_keep_rows isa out)
  set(source ${CMAKE_CURRENT_SOURCE_DIR}/${isa}/kernels.c)
  file(GLOB_RECURSE parts ${CMAKE_CURRENT_SOURCE_DIR}/*.h ${CMAKE_CURRENT_SOURCE_DIR}/*.inc ${source})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${parts})
  separate_arguments(flags UNIX_COMMAND "${CMAKE_C_FLAGS}")
  if(CMAKE_C_COMPILER_TARGET AND CMAKE_C_COMPILE_OPTIONS_TARGET) # gcc has none
    list(APPEND flags ${CMAKE_C_COMPILE_OPTIONS_TARGET}${CMAKE_C_COMPILER_TARGET})
  endif()
  if(CMAKE_SYSROOT)
    list(APPEND flags --sysroot=${CMAKE_SYSROOT})
  endif()
  execute_process(
    COMMAND ${CMAKE_C_COMPILER} ${flags} ${ARGN} -E -P -I${PROJECT_SOURCE_DIR}/include -I${PROJECT_SOURCE_DIR}/kernels ${source}
    OUTPUT_VARIABLE text ERROR_VARIABLE errors RESULT_VARIABLE bad)
  string(REGEX MATCHALL "{ *\\.name = \"[a-z0-9_]+\"" names "${text}")
  string(REGEX REPLACE "{ *\\.name = \"([a-z0-9_]+)\"" "\\1" names "${names}")
  list(REMOVE_ITEM names ${isa}) # the table's own name
  if(bad OR NOT names)
    message(FATAL_ERROR "LANEWISE_KERNELS: can't list the rows of ${source}: ${errors}")
  endif()
  set(kept "")
  foreach(pattern ${LANEWISE_KERNELS})
    string(REPLACE "*" ".*" pattern "${pattern}")
    foreach(name ${names})
      if(name MATCHES "^${pattern}$")
        list(APPEND kept ${name})
      endif()
    endforeach()
  endforeach()
  list(REMOVE_DUPLICATES kept)
  set_property(GLOBAL APPEND PROPERTY LW_KNOWN_ROWS ${names})
  set_property(GLOBAL APPEND PROPERTY LW_KEPT_ROWS ${kept})
  set(${out} "${kept}" PARENT_SCOPE)
endfunction()

# lw_write_kept_rows()
#
# After all ISAs: fails on an entry of LANEWISE_KERNELS that no row answers to, and writes what kernels.c include.
function(lw_write_kept_rows)
  get_property(known GLOBAL PROPERTY LW_KNOWN_ROWS)
  get_property(kept GLOBAL PROPERTY LW_KEPT_ROWS)
  foreach(pattern ${LANEWISE_KERNELS})
    string(REPLACE "*" ".*" regex "${pattern}")
    set(found ${known})
    list(FILTER found INCLUDE REGEX "^${regex}$")
    if(NOT found)
      string(REPLACE ";" "\n  " lines "${known}")
      message(FATAL_ERROR "LANEWISE_KERNELS: no kernel is named ${pattern}. There are:\n  ${lines}")
    endif()
  endforeach()
  set(text "")
  foreach(name ${kept})
    string(APPEND text "#define LW_KEEP_${name} ~,\n")
  endforeach()
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/generated/kept_rows.inc CONTENT "${text}")
  list(LENGTH kept count)
  list(LENGTH known all)
  message(STATUS "LANEWISE_KERNELS: ${count} of ${all} kernels")
endfunction()
