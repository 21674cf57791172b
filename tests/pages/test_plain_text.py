"""Text from files on pages: every page must escape it with `escape_markdown`, which must neutralise Markdown."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from pages.components.plain_text import WORD_JOINER, escape_markdown

PAGES = sorted((Path(__file__).parents[2] / "pages").rglob("*.py"))
# The functions that draw Markdown, with the positions of the arguments concerned; keyword arguments are in NAMED.
FIRST = (
    *("markdown", "caption", "write", "title", "header", "subheader", "info", "warning", "error", "success", "toast"),
    *("badge", "expander", "popover", "button", "download_button", "checkbox", "toggle", "selectbox", "multiselect"),
    *("slider", "text_input", "number_input", "file_uploader", "spinner", "status", "table", "radio", "html"),
)
OWN: dict[str, tuple[int, ...]] = {  # functions of the pages
    "draw_page_header": (0, 1),
    "offer_practice_data": (0,),
    "_state_progress": (0,),
}
MARKDOWN = {
    **dict.fromkeys(FIRST, (0,)),
    **dict.fromkeys(("metric",), (0, 1, 2)),
    **dict.fromkeys(("page_link", "link_button", "progress"), (1,)),
    **dict.fromkeys(("tabs",), (0,)),
    **dict.fromkeys(("segmented_control", "pills"), (0,)),  # and their options: see `drawn`
    **OWN,
}
CHOICES = ("segmented_control", "pills", "radio")  # whose options are Markdown too, after `format_func`
NAMED = ("label", "body", "text", "help", "caption", "delta", "placeholder", "format_func")
NUMERIC = tuple("dfgneE%,")  # last characters of formats that are only valid for numbers
SHIPPED = (
    "describe_model_gains",
    "describe_gaps",
    "describe_findings",
    "describe_largest_gap",
)  # texts made from the included results, which are trusted
ESCAPES = ("escape_markdown", "translate_plain", "name_model")  # the last two translate, then escape
# Functions that return a translation of their first arguments, which is as safe as these; and how many these are.
TRANSLATIONS = {"translate": 1, "translate_plural": 2, "translate_library_text": 1, "mark_text": 1}
CHANGES = ("append", "extend", "insert", "update", "add")


class Module:
    """One page: the values assigned to its names, and whether an expression can contain text from a file."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}

    def unsafe(self) -> Iterator[tuple[int, str]]:
        """Line and source of every argument that is drawn as Markdown and may come from a file."""
        for scope in (self.tree, *(node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef))):
            for call in own_calls(scope):
                for argument in drawn(call):
                    if not self.safe(argument, scope, ()):
                        yield argument.lineno, ast.unparse(argument)

    def safe(self, node: ast.AST, scope: ast.AST, waiting: tuple[str, ...]) -> bool:
        """Whether an expression is safe. waiting: names being checked, to stop at cycles."""

        def all_safe(*nodes: ast.AST | None) -> bool:
            return all(one is None or self.safe(one, scope, waiting) for one in nodes)

        match node:
            case ast.Constant() | ast.Compare():
                return True
            case ast.JoinedStr(values=values):
                return all_safe(*values)
            case ast.FormattedValue(value=value, format_spec=form):
                return (form is not None and ast.unparse(form).rstrip("'\"").endswith(NUMERIC)) or all_safe(value)
            case ast.BinOp(left=left, right=right):
                return all_safe(left, right)
            case ast.BoolOp(values=values):
                return all_safe(*values)
            case ast.IfExp(body=body, orelse=other):
                return all_safe(body, other)
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                return all_safe(*elements)
            case ast.Dict(values=values):
                return all_safe(*values)
            case ast.Starred(value=value) | ast.Subscript(value=value):
                return all_safe(value)
            case ast.ListComp(elt=element) | ast.GeneratorExp(elt=element):
                return all_safe(element)
            case ast.Attribute(value=value, attr=name):
                return name.isupper() or all_safe(value)
            case ast.Name(id=name):
                return name.isupper() or name in ESCAPES or name in waiting or self.known(name, scope, waiting)
            case ast.Call(func=function, args=arguments, keywords=keywords):
                named = [one.value for one in keywords]
                return self.safe_call(function, [*arguments, *named], scope, waiting)
        return False

    def safe_call(
        self, function: ast.expr, arguments: list[ast.expr], scope: ast.AST, waiting: tuple[str, ...]
    ) -> bool:
        """Whether a call returns safe text: an escape, a string method on safe text, or a safe function of the page."""
        match function:
            case ast.Name(id=name) if name in (*ESCAPES, *SHIPPED, "len"):
                return True
            case ast.Name(id=name) if name in TRANSLATIONS:
                return all(self.safe(one, scope, waiting) for one in arguments[: TRANSLATIONS[name]])
            case ast.Attribute(value=value, attr="join" | "format"):
                return all(self.safe(one, scope, waiting) for one in (value, *arguments))
            case ast.Attribute(value=value, attr="get"):
                return all(self.safe(one, scope, waiting) for one in (value, *arguments[1:]))
            case ast.Attribute(value=value, attr="lower" | "capitalize" | "items" | "set_index"):
                return self.safe(value, scope, waiting)
            case ast.Attribute(attr="DataFrame"):
                return all(self.safe(one, scope, waiting) for one in arguments)
            case ast.Name(id="list" | "zip" | "enumerate" | "sorted"):
                return all(self.safe(one, scope, waiting) for one in arguments)
            case ast.Name(id=name) if name in self.functions:
                body = self.functions[name]
                answers = [one.value for one in ast.walk(body) if isinstance(one, ast.Return) and one.value]
                return name in waiting or all(self.safe(one, body, (*waiting, name)) for one in answers)
        return False

    def known(self, name: str, scope: ast.AST, waiting: tuple[str, ...]) -> bool:
        """Whether all values assigned to a name in its scope, or in the module, are safe; parameters are not."""
        if name in self.functions:  # given as `format_func`
            return self.safe_call(ast.Name(name), [], scope, waiting)
        if isinstance(scope, ast.FunctionDef) and name in [
            one.arg for one in ast.walk(scope.args) if isinstance(one, ast.arg)
        ]:
            return scope.name in OWN  # whose callers are checked
        given = list(assigned(name, scope)) or list(assigned(name, self.tree))
        return bool(given) and all(self.safe(one, scope, (*waiting, name)) for one in given)


def own_calls(scope: ast.AST) -> Iterator[ast.Call]:
    """The calls in a function, or in the module outside of functions."""
    for node in ast.iter_child_nodes(scope):
        if isinstance(node, ast.FunctionDef):
            continue
        if isinstance(node, ast.Call):
            yield node
        yield from own_calls(node)


def assigned(name: str, scope: ast.AST) -> Iterator[ast.AST]:
    """The values assigned to a name in a scope, including the iterables of loops."""
    for node in ast.walk(scope):
        match node:
            case ast.Assign(targets=targets, value=value) if any(holds(one, name) for one in targets):
                yield value
            case ast.AugAssign(target=target, value=value) if holds(target, name):
                yield value
            case ast.AnnAssign(target=target, value=ast.expr() as value) if holds(target, name):
                yield value
            case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value) if holds(
                target, name
            ):
                yield value
            case ast.NamedExpr(target=target, value=value) if holds(target, name):
                yield value
            case ast.Call(func=ast.Attribute(value=ast.Name(id=kept), attr=change), args=values) if kept == name:
                yield from values if change in CHANGES else ()


def holds(target: ast.AST, name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(target))


def drawn(call: ast.Call) -> Iterator[ast.expr]:
    """The arguments of a call that are interpreted as Markdown."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    if name not in MARKDOWN:
        yield from (value for key, value in named.items() if key == "caption" and name == "image")
        return
    yield from (call.args[place] for place in MARKDOWN[name] if place < len(call.args))
    ignored = "format_func" if name == "selectbox" else ""  # it draws its options literally
    yield from (value for key, value in named.items() if key in NAMED and key != ignored)
    if name in CHOICES and "format_func" not in named:
        yield call.args[1]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_nothing_from_a_file_is_drawn_as_markdown(page: Path) -> None:
    assert list(Module(ast.parse(page.read_text())).unsafe()) == []


LEAKS = (
    'st.markdown(f"**{name}**")',
    "st.error(str(error))",
    'st.caption("Clips: " + ", ".join(names))',
    'st.tabs(list(table["group"]))',
    'st.segmented_control("Model", names, key="a")',
    'place.button("Go", help=row["why"])',
    'words = "a"\nwords += name\nst.info(words)',
    "for name in names:\n    st.write(name)",
    "def draw(words):\n    words = words or 'none'\n    st.warning(words)",
    "def text_of(row):\n    return row['why']\nst.toast(text_of(row))",
    'st.image(crops, caption=[face.name for face in faces], alt="")',
    'st.metric("Best", best)',
    'draw_page_header(title, "A page.")',
    'st.caption(f"{name:>20}")',
    "st.info(LABELS.get(name, name))",
    'lines = ["a"]\nlines.extend(names)\nst.markdown("\\n".join(lines))',
    "if words := row['why']:\n    st.info(words)",
    'st.html(f"<b>{name}</b>")',
    'st.info(translate("Clips of {name}").format(name=name))',
    "st.info(translate_library_text(row['why']))",
    "st.info(translate(name))",
)
SOUND = (
    'st.markdown(f"**{escape_markdown(name)}**, n = {n:,}, {share:.0%}")',
    "st.caption(NOTICE if public else demo.NOTICE)",
    'st.caption("; ".join(f"{escape_markdown(name)} {n:,}" for name, n in sizes))',
    'st.segmented_control("Model", names, format_func=escape_markdown)',
    'lines = ["a"]\nlines.append(f"- {escape_markdown(name)}")\nst.markdown("\\n".join(lines))',
    "def text_of(row):\n    return escape_markdown(row['why'])\nst.toast(text_of(row))",
    "st.subheader(LABELS[measure])",
    'st.info(translate("{n} clips of {name}").format(n=f"{n:,}", name=escape_markdown(name)))',
    'text = translate_plural("{n} clip", "{n} clips", n)\nst.info(text.format(n=f"{n:,}"))',
    'st.segmented_control("Model", names, format_func=translate_plain)',
    'st.selectbox("Model", names, key="a")',  # draws its options literally
    'st.selectbox("Model", names, format_func=labels.__getitem__)',
)


@pytest.mark.parametrize("code", LEAKS)
def test_a_page_that_draws_a_name_as_markdown_is_found(code: str) -> None:
    assert len(list(Module(ast.parse(code)).unsafe())) == 1


@pytest.mark.parametrize("code", SOUND)
def test_safe_code_passes(code: str) -> None:
    assert list(Module(ast.parse(code)).unsafe()) == []


@pytest.mark.parametrize(
    ("text", "drawn_as"),
    [
        ("voice", "voice"),
        ("from voice and words 2", "from voice and words 2"),
        ("practice_audio", r"practice\_audio"),
        ("-0Ssq--.001.mp4", r"\-0Ssq\-\-\.001\.mp4"),
        ("![x](y)", r"\!\[x\]\(y\)"),
        ("$x$ `c` <b> a|b", r"\$x\$ \`c\` \<b\> a\|b"),
        ("# one\n\n    two\t# three", r"\# one two \# three"),
        ("1. a", r"1\. a"),
        (":smile: a", rf"\:{WORD_JOINER}smile\: a"),
        ("http://a", rf"http\:{WORD_JOINER}\/\/a"),
        ("WWW.a.b", rf"WWW{WORD_JOINER}\.a\.b"),
        ("a@b.c", rf"a\@{WORD_JOINER}b\.c"),
        ("a -> b -- c", rf"a \-{WORD_JOINER}\> b \-{WORD_JOINER}\- c"),
        (r"\*", r"\\\*"),
        (5, "5"),
    ],
)
def test_plain_text_by_hand(text: object, drawn_as: str) -> None:
    assert escape_markdown(text) == drawn_as
