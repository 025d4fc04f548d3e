#!/usr/bin/env python3
"""test_inner_loops.py parser|mca|spills OBJDUMP OBJECT...: bench/asm_loops.py on short pieces of assembly, bench/inner_loops.py
on one of them, and the loops of products in compiled kernels: do their sums stay in registers?
Exit status: 0 passed, 1 failed, 77 skipped (no llvm-mca here). Needs Python 3 alone.
"""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bench"))
import asm_loops  # noqa: E402
import inner_loops  # noqa: E402

ARM = """
tile.isra.0:
        stp     x29, x30, [sp, -32]!
        mov     x29, sp
.L4:
        movi    v0.4s, 0                        // outer, and no part of the inner loop
.L2:
        ldr     q2, [x0], #16
        cbz     x3, .L9
        fmla    v0.4s, v1.4s, v2.s[0]
        fmla    v3.4s, v1.4s, v2.4s
        str     q0, [x29, 16]
        b       .L3
.L9:
        fadd    v4.4s, v4.4s, v4.4s
.L3:
        subs    x1, x1, #1
        bne     .L2
        str     q0, [x2], 16
        cmp     x2, x4
        b.ne    .L4
        ret
other:
        ret
alias:
        b       tile
"""
X86 = """
tile:                                   # @tile
        movq    8(%rsp), %rbp
.LBB0_1:
        vmovups (%rbp), %zmm2
        vfmadd231ps     4(%rdi){1to16}, %zmm2, %zmm0    # zmm0 = (zmm2 * mem) + zmm0
        vfmadd231ps     64(%rsp), %zmm2, %zmm1          # 64-byte Folded Reload
        decq    %rax
        jne     .LBB0_1
        retq
"""


PRODUCTS = re.compile(r"wino_gemm_\d+x|conv_tile_(?:blocked|planes)\d_|points_tile_")
DEPTHWISE = re.compile(r"depthwise_\ds\d_")  # their largest loops alone, others are of tiles at a border; one weight may be there
MOST_SPILLS = 0.05  # of the FMAs: one sum for a few channels; to and from the stack for each it is 0.08 in the largest tile


def expect(what, found, wanted):
    if found != wanted:
        print(f"test_inner_loops.py: {what}: {found!r}, not {wanted!r}")
        sys.exit(1)


def parser():
    functions = asm_loops.read_functions(ARM)
    expect("names", sorted(functions), ["alias", "other", "tile"])
    expect("a function that is another one", functions["alias"], functions["tile"])
    loop = asm_loops.hot_loop(functions["tile"])
    expect("the path that falls through, over the label that it jumps to", [line.split()[0] for line in loop.code],
           ["ldr", "cbz", "fmla", "fmla", "str", "b", "subs", "bne"])
    expect("FMAs", loop.fmas, 2)
    expect("the frame pointer's stores are spills", loop.spills, 1)
    around = asm_loops.hot_loop(functions["tile"], 3)
    expect("the loop around, the inner one three times", (len(around.code), around.fmas, around.spills), (1 + 3 * 8 + 3, 6, 1))
    expect("a function without loops", asm_loops.hot_loop(functions["other"]), None)
    expect("no vector on the stack, but in the frame", asm_loops.product_spills(functions["tile"]), [(2, 0)])
    expect("the same on x86", asm_loops.product_spills(asm_loops.read_functions(X86)["tile"]), [(2, 1)])
    loop = asm_loops.hot_loop(asm_loops.read_functions(X86)["tile"])
    expect("x86: instructions, FMAs, spills; rbp is no frame pointer here", (len(loop.code), loop.fmas, loop.spills), (5, 2, 1))


def spills():
    objdump, *objects = sys.argv[2:]
    for path in objects:
        text = subprocess.run([objdump, "-d", "--no-show-raw-insn", path], stdout=subprocess.PIPE, text=True, check=True).stdout
        functions = asm_loops.read_disassembly(text)
        loops = [(name, *loop) for name in functions if PRODUCTS.match(name) for loop in asm_loops.product_spills(functions[name])]
        expect(f"{path}: loops of products", len(loops) > 50, True)
        depthwise = [(name, *max(asm_loops.product_spills(functions[name]))) for name in functions if DEPTHWISE.match(name)]
        expect(f"{path}: depthwise tiles", len(depthwise) >= 16, True)
        loops += depthwise
        for name, fmas, stack in loops:
            most = max(MOST_SPILLS * fmas, 1 if DEPTHWISE.match(name) else 0)
            expect(f"{path}: {name}: {stack} of {fmas}, few of the sums on the stack", stack <= most, True)
        print(f"{path}: {len(loops)} loops")


def mca():
    try:
        tool = inner_loops.find_mca()
    except inner_loops.Missing as missing:
        print(f"[SKIP] {missing}")
        sys.exit(77)
    branch = ["subs x1, x1, #1", "b.ne .L1"]
    loops = {f"chains_{n}": asm_loops.Loop([f"fmla v{i}.4s, v30.4s, v31.4s" for i in range(n)] + branch, 0) for n in (1, 28)}
    found, _ = inner_loops.look(tool, "neon", "cortex-a57", loops)  # a model that every version has
    expect("many chains fill the pipes", found["chains_28"][1] > 0.95, True)
    expect("one chain waits for itself", found["chains_1"][1] < 0.5, True)


{"parser": parser, "mca": mca, "spills": spills}[sys.argv[1]]()
