import io

from rich.table import Table

from gansearch.cli.output import SafeConsole


def test_a_console_shows_control_characters_and_keeps_its_own_colours():
    out = SafeConsole(file=io.StringIO(), force_terminal=True, width=60)
    table = Table("name")
    table.add_row("[red]a\x1b]0;owned\x07b\x9b[/]")
    out.print(table)
    shown = out.file.getvalue()
    assert r"a\x1b]0;" in shown
    assert "\x1b]0" not in shown and "\x1b[31m" in shown
