# lw_embed_texts(TARGET FILES...)
# lw_embed_source(TARGET PATH FILES...)
#
# Makes a static library, or a source file whose path is put into PATH, that holds text files as C strings, so that
# what is installed needs no source tree:
#     struct lw_text { const char *name, *text; };      name: without folder and .txt; wisdom.txt: its folder's
#     extern const struct lw_text lw_texts_TARGET[];    ends with {NULL, NULL}
function(lw_embed_source target path_variable)
  string(CONCAT code "#include <stddef.h>\nstruct lw_text { const char *name, *text; };\n"
           "extern const struct lw_text lw_texts_${target}[];\nconst struct lw_text lw_texts_${target}[] = {\n")
  foreach(path ${ARGN})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
    get_filename_component(name ${path} NAME)
    if(name STREQUAL "wisdom.txt") # there is one in every folder of results/
      get_filename_component(name ${path} DIRECTORY)
      get_filename_component(name ${name} NAME)
    endif()
    string(REGEX REPLACE "\\.txt$" "" name ${name})
    file(READ ${path} text)
    string(REPLACE "\\" "\\\\" text "${text}")
    string(REPLACE "\"" "\\\"" text "${text}")
    string(REPLACE "\n" "\\n\"\n\"" text "${text}")
    string(APPEND code "{\"${name}\",\n\"${text}\"},\n")
  endforeach()
  string(APPEND code "{NULL, NULL}};\n")
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${target}.c CONTENT "${code}" @ONLY)
  set(${path_variable} ${CMAKE_CURRENT_BINARY_DIR}/${target}.c PARENT_SCOPE)
endfunction()

function(lw_embed_texts target)
  lw_embed_source(${target} source ${ARGN})
  add_library(${target} STATIC ${source})
endfunction()
