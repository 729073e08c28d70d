"""Many rows as one value, on both databases."""

from sqlalchemy import JSON, literal, select, type_coerce, union_all

from lorahub_server.kit import gather
from support.inside import Inside


def test_rows_come_together(inside: Inside):
    given = [("a", 1), ('b"é', None)]
    several = union_all(*(select(literal(x).label("x"), literal(y).label("y")) for x, y in given))
    table = several.subquery()
    with inside.db.read() as session:
        text = session.scalar(select(gather.rows(session, table.c.x, table.c.y)))
        assert sorted(gather.read_rows(text)) == [["a", 1], ['b"é', None]]
        named = gather.mapping(session, table.c.x, table.c.y)
        assert session.scalar(select(type_coerce(named, JSON))) == dict(given)
        nothing = select(gather.rows(session, table.c.x)).where(table.c.x == "none")
        assert gather.read_rows(session.scalar(nothing)) == []
    assert gather.read_rows(None) == []
