"""Pages as Streamlit runs them, without a browser."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

from pages.bar import DEMO

ROOT = Path(__file__).parents[2]
ANALYSIS = ("traits", "gender", "age", "emotion", "explore")


def visit(page: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.run()
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception, app.exception
    return app


def practise(page: str) -> AppTest:
    """An analysis page with the practice data chosen, which are computer-made people."""
    app = visit(page)
    app.selectbox(key="table").select(DEMO).run()
    assert not app.exception, app.exception
    return app


def words(app: AppTest) -> str:
    kinds = (app.title, app.subheader, app.markdown, app.caption, app.info, app.warning, app.error, app.code)
    return "\n".join(str(element.value) for kind in kinds for element in kind)
