"""The man page, made of what the program says of itself (`--experimental-dump-help`) and of manual.roff."""
from __future__ import annotations

import re
from pathlib import Path

from .basics import fail

REST = Path(__file__).with_name("manual.roff")


def page(dumped: dict, version: str, date: str) -> str:
    """A page in the man(7) macros. The date is that of the release, YYYY-MM-DD."""
    root = dumped["command"]
    description, statuses = split_statuses(root["discussion"])
    lines = [
        f'.TH ROLLCALL 1 "{date}" "Rollcall {version}" "User Commands"',
        ".SH NAME", f"rollcall \\- {text(lower(root['abstract']))}",
        ".SH SYNOPSIS", ".B rollcall", r"\fIcommand\fR [\fIarguments\fR] [\fIoptions\fR]",
        ".SH DESCRIPTION", *paragraphs(description),
        "Each command and its options are explained below; `rollcall help COMMAND` says the same.".replace("`", ""),
        ".SH COMMANDS",
    ]
    common = common_options(root)
    for command in shown(root["subcommands"]):
        lines += described(command, ["rollcall"], common)
    lines += [".SH OPTIONS OF EVERY COMMAND", *(line for option in common for line in argument(option))]
    lines += [".SH EXIT STATUS"]
    for code, meaning in statuses:
        lines += [".TP", f".B {code}", text(meaning[0].upper() + meaning[1:]) + "."]
    return "\n".join(lines) + "\n" + REST.read_text(encoding="utf-8")


def split_statuses(discussion: str) -> tuple[str, list[tuple[str, str]]]:
    """The exit codes are one paragraph of the program's help: `Exit codes: 0 success, 1 failed, ...`."""
    before, found, codes = discussion.partition("\n\nExit codes: ")
    statuses = re.findall(r"(\d+) ([^,.]+)", codes)
    if not found or len(statuses) < 2:
        fail("the help of rollcall says no exit codes")
    return before, statuses


def common_options(root: dict) -> list[dict]:
    """Options that every command has: --version and --help."""
    return [option for option in root["arguments"] if option["kind"] != "positional"]


def described(command: dict, parents: list[str], common: list[dict]) -> list[str]:
    """A section of one command; commands of a command follow it."""
    names = [*parents, command["commandName"]]
    subcommands = shown(command.get("subcommands", []))
    lines: list[str] = []
    arguments = shown(command["arguments"])
    if arguments or not subcommands:
        listed = [each for each in arguments if each["kind"] == "positional"]
        listed += [each for each in arguments if each["kind"] != "positional" and each not in common]
        lines += [f".SS {escaped(' '.join(names))}", synopsis(names, listed), ".PP", text(command["abstract"])]
        lines += paragraphs(command.get("discussion", ""), begun=True)
        lines += [line for each in listed for line in argument(each)]
    for each in subcommands:
        lines += described(each, names, common)
    return lines


def shown(entries: list[dict]) -> list[dict]:
    return [each for each in entries if each["shouldDisplay"] and each.get("commandName") != "help"]


def synopsis(names: list[str], arguments: list[dict]) -> str:
    parts = [rf"\fB{escaped(' '.join(names))}\fR"]
    for each in arguments:
        if each["kind"] == "positional":
            name = rf"\fI{escaped(each['valueName'])}\fR" + (" ..." if each["isRepeating"] else "")
            parts.append(f"[{name}]" if each["isOptional"] else name)
    if any(each["kind"] != "positional" for each in arguments):
        parts.append(r"[\fIoptions\fR]")
    return " ".join(parts)


def argument(each: dict) -> list[str]:
    """A tagged paragraph: the names of an option and its value, and what it does."""
    value = rf"\fI{escaped(each['valueName'])}\fR"
    if each["kind"] == "positional":
        tag = value
    else:
        names = [rf"\fB{escaped('-' * (1 if name['kind'] == 'short' else 2) + name['name'])}\fR" for name in each["names"]]
        tag = ", ".join(names) + (f" {value}" if each["kind"] == "option" else "")
    says = each.get("abstract", "")
    if each.get("defaultValue") and "default" not in says:
        says += f" Default: {each['defaultValue']}."
    if each.get("allValues"):
        says += f" One of {', '.join(each['allValues'])}."
    return [".TP", tag, text(says) or r"\&", *paragraphs(each.get("discussion", ""), begun=True, macro=".IP")]


def paragraphs(discussion: str, begun: bool = False, macro: str = ".PP") -> list[str]:
    """Paragraphs are filled; one with lines that are indented is shown as it is written."""
    lines: list[str] = []
    for part in filter(None, (each.strip("\n") for each in discussion.split("\n\n"))):
        if begun or lines:
            lines.append(macro)
        if re.search(r"^  ", part, re.MULTILINE):
            lines += [".nf", *(text(line) if line else ".sp" for line in part.split("\n")), ".fi"]
        else:
            lines.append(text(" ".join(part.split())))
    if lines and not begun:
        lines.append(".PP")
    return lines


def lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:].rstrip(".")


def text(plain: str) -> str:
    """A line of running text; what stands between backticks is bold."""
    shown = re.sub(r"`([^`]+)`", r"\\fB\1\\fR", escaped(plain))
    return shown if not shown.startswith((".", "'")) else r"\&" + shown


def escaped(plain: str) -> str:
    """What roff would take for its own, and characters beyond ASCII by their numbers."""
    safe = plain.replace("\\", r"\e").replace("-", r"\-")
    return re.sub(r"[^\x00-\x7f]", lambda found: rf"\[u{ord(found.group()):04X}]", safe)
