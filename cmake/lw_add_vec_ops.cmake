# lw_add_vec_ops(TARGET)
#
# Compiles tests/vec_ops.c once for each ISA of LW_ISA_NAMES, with the flags of that ISA's kernels, and links all of them
# into TARGET: one table of vec.h operations an ISA, lw_vec_ops_NAME.
function(lw_add_vec_ops target)
  foreach(name ${LW_ISA_NAMES})
    get_property(flags GLOBAL PROPERTY LW_ISA_FLAGS_${name})
    add_library(lw_vec_ops_${name} OBJECT ${PROJECT_SOURCE_DIR}/tests/vec_ops.c)
    target_include_directories(lw_vec_ops_${name} PRIVATE ${PROJECT_SOURCE_DIR}/kernels/${name}
      ${PROJECT_SOURCE_DIR}/kernels ${PROJECT_SOURCE_DIR}/tests)
    target_compile_options(lw_vec_ops_${name} PRIVATE -fno-lto ${flags})
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:lw_vec_ops_${name}>)
  endforeach()
endfunction()
