// The header from C++: enumerates the kernels and makes a plan that can't be.
#include <lanewise.h>
#include <iostream>
#include <string>

int main() {
    std::size_t usable = 0;
    for (std::size_t i = 0; i < lw_kernel_count(); i++) {
        lw_kernel_info info;
        if (lw_kernel_get(i, &info) != LW_OK) return 1;
        usable += info.usable;
    }
    lw_desc desc = lw_conv2d(1, 1, 2, 2, 1, 3, 3);
    lw_plan *plan = nullptr;
    lw_error err;
    lw_status status = lw_plan_create(&plan, &desc, nullptr, nullptr, nullptr, &err);
    std::cout << usable << " kernels usable; a 3x3 window on 2x2: " << err.text << '\n';
    return usable > 0 && status == LW_ERR_INVALID && plan == nullptr && !std::string(err.text).empty() ? 0
                                                                                                       : 1;
}
