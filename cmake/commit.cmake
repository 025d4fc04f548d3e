# Writes OUTPUT, a header that tells the commit SOURCE is at, where that has changed: `#define LW_COMMIT "..."`, with
# -dirty behind it where tracked files differ (results/ aside: runs write there), and "unknown" without git.
cmake_policy(VERSION 3.18)
set(commit unknown)
find_program(GIT git)
if(GIT)
  execute_process(COMMAND ${GIT} -C ${SOURCE} rev-parse --short=12 HEAD OUTPUT_VARIABLE hash RESULT_VARIABLE bad
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  execute_process(COMMAND ${GIT} -C ${SOURCE} rev-parse --show-toplevel OUTPUT_VARIABLE top OUTPUT_STRIP_TRAILING_WHITESPACE
                  ERROR_QUIET)
  get_filename_component(here "${SOURCE}" REALPATH)
  if(NOT bad AND top STREQUAL here) # not a repository that merely has this one's files in a folder
    execute_process(COMMAND ${GIT} -C ${SOURCE} diff --quiet HEAD -- . ":!results" RESULT_VARIABLE dirty ERROR_QUIET)
    set(commit ${hash})
    if(dirty)
      string(APPEND commit -dirty)
    endif()
  endif()
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#define LW_COMMIT \"${commit}\"\n" @ONLY)
