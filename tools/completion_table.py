"""Write the table that shell completion works on, from the commands as they are now.

python tools/completion_table.py
"""

from __future__ import annotations

import json

from gansearch.cli.commands import COMMANDS, load_command
from gansearch.cli.completion import TABLE, table_of


def main() -> None:
    table = table_of({name: load_command(name) for name in COMMANDS})
    TABLE.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {TABLE.name}: {len(table)} commands")


if __name__ == "__main__":
    main()
