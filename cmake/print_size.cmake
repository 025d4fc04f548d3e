# Prints the size of FILE, in KiB.
file(SIZE ${FILE} bytes)
math(EXPR kib "(${bytes} + 1023) / 1024")
get_filename_component(name ${FILE} NAME)
message(STATUS "${name}: ${kib} KiB")
