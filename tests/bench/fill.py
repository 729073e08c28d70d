"""Fill a database for `test_search.py`, so that several runs may use it.

    PYTHONPATH=tests python tests/bench/fill.py 1000000 'sqlite:////tmp/crowds/{}.db'

`{}` stands for the number, here as in LORAHUB_BENCH_SQLITE and LORAHUB_BENCH_POSTGRESQL. An empty
database must be there on PostgreSQL. A million takes half an hour.
"""

import sys

from lorahub_server.kit.db import Database
from support import crowd, tables


def main(number: int, address: str) -> None:
    url = address.format(number)
    tables.fill(url)
    crowd.fill(Database(url), number)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
