"""The innermost loops of functions in a compiler's assembly (gcc's and clang's; AArch64, and x86-64 in AT&T syntax).

A loop is a branch backward and the label that it goes to; it is innermost where no other loop that computes lies between
the two (one that fetches data ahead runs once). What an
iteration executes is followed from the label on: conditional branches forward aren't taken, others are. As few of the
kernels' loops branch at all (a ReLU that a layer may or may not have), that is what runs.
"""
import re
from dataclasses import dataclass, field

LABEL = re.compile(r"^([.\w$]+):")
GOTO = re.compile(r"^(?:b|jmp)\s+(\.L\w+)$")
BRANCH = re.compile(r"^(?:b|jmp|b\.?[a-z]{2}|cbn?z|tbn?z|j[a-z]+)\s+(?:.*[, ])?(\.L\w+)$")
LEAVES = re.compile(r"^(?:ret|retq|br\s|jmp\s|b\s)")
SAME_AS = re.compile(r"^(?:b|jmp)\s+(?!\.L)([\w$]+)$")  # gcc keeps one copy of functions with the same code
FMA = re.compile(r"^(?:fml[as]\s+v\d+\.4s|vfn?m(?:add|sub)\d+ps)")
ARITHMETIC = re.compile(r"^(?:fml[as]|fmul|fadd|fsub)\s+v\d+\.4s|^v(?:fn?m(?:add|sub)\d+|mul|add|sub)ps")
VECTOR_ON_STACK = re.compile(r"[xyz]mm\d.*\(%rsp|\(%rsp.*[xyz]mm\d|\b[qv]\d+\b.*\[sp")
FRAME = re.compile(r"^(?:mov|add)\s+x29, sp|^movq\s+%rsp, %rbp|^leaq\s+.*\(%rsp\), %rbp")
STACK, STACK_OR_FRAME = re.compile(r"\[sp|\(%rsp"), re.compile(r"\[sp|\(%rsp|\[x29|\(%rbp")


@dataclass
class Function:
    code: list = field(default_factory=list)  # instructions
    label: dict = field(default_factory=dict)  # name: index of the instruction behind it

    def loops(self):
        """(first, last) indices of every loop."""
        found = []
        for last, line in enumerate(self.code):
            branch = BRANCH.match(line)
            if branch and self.label.get(branch[1], last + 1) <= last:
                found.append((self.label[branch[1]], last))
        return found


@dataclass
class Loop:
    """What one iteration executes. spills: instructions of the inner loop that touch the stack."""
    code: list
    spills: int

    @property
    def fmas(self):
        return sum(bool(FMA.match(line)) for line in self.code)

    @property
    def arithmetic(self):
        return [line for line in self.code if ARITHMETIC.match(line)]


def read_functions(text):
    """Name -> Function. What compilers append to the name of a copy (.isra.0) is left out."""
    functions, function = {}, None
    for line in text.splitlines():
        line = re.sub(r"\s+", " ", re.sub(r"(?://|#(?:\s|APP|NO_APP)).*", "", line)).strip()
        label = LABEL.match(line)
        if label and label[1].startswith(".L"):
            if function:
                function.label[label[1]] = len(function.code)
        elif label:
            name = re.sub(r"\.(?:isra|constprop|part|cold)\b.*", "", label[1])
            function = functions.setdefault(name, Function())
        elif function and line and not line.startswith("."):
            function.code.append(line)
    same = {name: SAME_AS.match(f.code[0]) for name, f in functions.items() if len(f.code) == 1}
    functions.update({name: functions[m[1]] for name, m in same.items() if m and m[1] in functions})
    return functions


def read_disassembly(text):
    """The same of what objdump and llvm-objdump -d --no-show-raw-insn print: labels are addresses."""
    functions, function = {}, None
    for line in text.splitlines():
        name = re.match(r"[0-9a-f]+ <([\w$]+).*>:", line)
        code = re.match(r" *([0-9a-f]+):\s+(\S.*)", line)
        if name:
            function = functions.setdefault(name[1], Function())
        elif function and code:
            function.label[f".L{code[1]}"] = len(function.code)
            line = re.sub(r"\s+", " ", re.sub(r"\s*(?://|#).*", "", code[2]))
            function.code.append(re.sub(r"([ ,])(?:0x)?([0-9a-f]+) <.*>$", r"\1.L\2", line).strip())
    return functions


def follow(function, first, last, inner=None, trips=1):
    """The instructions from `first` to the branch back at `last`, a loop inside (its first, last) run `trips` times; None
    where the way leads out."""
    path, at, left = [], first, trips
    while first <= at <= last and len(path) < 10000:
        line = function.code[at]
        path.append(line)
        if at == last:
            return path
        goto = GOTO.match(line)
        if inner and at == inner[1] and left > 1:
            at, left = inner[0], left - 1
        elif goto:
            at = function.label.get(goto[1], -1)
            if at <= first:
                return None
        elif LEAVES.match(line):
            return None
        else:
            at += 1
    return None


def hot_loop(function, trips=None):
    """The innermost loop with the most arithmetic, of equals the shortest (the other one fetches ahead); or, with `trips`, the
    loop around it while it runs so many times, where the way around can be followed; None where there is none."""
    ranges = function.loops()
    stack = STACK_OR_FRAME if any(FRAME.match(line) for line in function.code) else STACK

    def contains(a, b):
        return a != b and a[0] <= b[0] and b[1] <= a[1]

    def computes(first, last):
        return any(ARITHMETIC.match(line) for line in function.code[first:last + 1])

    def loop(*where):
        code = follow(function, *where)
        return code and Loop(code, sum(bool(stack.search(line)) for line in code))

    best, where = None, None
    for inner in ranges:
        found = None if any(contains(inner, other) and computes(*other) for other in ranges) else loop(*inner)
        if found and found.arithmetic and (not best or (len(found.arithmetic), -len(found.code)) >
                                           (len(best.arithmetic), -len(best.code))):
            best, where = found, inner
    if best and trips:
        # a loop with the same beginning is the same loop: another way back
        around = [outer for outer in ranges if contains(outer, where) and outer[0] < where[0]]
        for outer in sorted(around, key=lambda r: r[1] - r[0]):
            code = follow(function, *outer, where, trips)
            if code and sum(bool(ARITHMETIC.match(line)) for line in code) >= trips * len(best.arithmetic):
                return Loop(code, best.spills)
    return best


def product_spills(function):
    """(FMAs, instructions that have a vector on the stack) of every innermost loop that has FMAs."""
    loops = [(range(first, last + 1), function.code[first:last + 1]) for first, last in function.loops()]
    loops = [(where, code) for where, code in loops if any(FMA.match(line) for line in code)]
    return [(sum(bool(FMA.match(line)) for line in code), sum(bool(VECTOR_ON_STACK.search(line)) for line in code))
            for where, code in loops
            if not any(other != where and other.start >= where.start and other.stop <= where.stop for other, _ in loops)]
