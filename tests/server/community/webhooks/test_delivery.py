"""What becomes of deliveries: tries, waits, ends; and where nothing is ever sent."""

import socket
from datetime import timedelta

import pytest

from lorahub_server.accounts.service import delete_account
from lorahub_server.community.webhooks import delivery, limits, outbox, queries, sending, service
from lorahub_server.community.webhooks.errors import DeliveryNotFound, NotResendable
from lorahub_server.community.webhooks.guard import Allowed, Target, read_url
from lorahub_server.community.webhooks.tables import WebhookDelivery, WebhookEvent
from lorahub_server.kit.clock import now

HERE = Allowed.of("127.0.0.1")


def test_a_failure_is_tried_again_and_heals(hooked, receiver):
    hook = hooked.add_hook(receiver.url, "alice")
    receiver.answers = [500, 503]
    hooked.make_repo()
    hooked.work()
    (row,) = hooked.deliveries(hook)
    assert (row.state, row.tries, row.status) == ("waiting", 1, 500)
    assert row.error == "The receiver answered with the status 500."
    assert timedelta(seconds=8) < row.due_at - now() < timedelta(seconds=11)
    assert hooked.hook(hook).failures == 1
    hooked.work()
    assert len(receiver.received) == 1
    hooked.work(hurry=True)
    (row,) = hooked.deliveries(hook)
    assert (row.state, row.tries, row.status, row.error) == ("delivered", 3, 200, "")
    assert len({one.headers["x-webhook-delivery"] for one in receiver.received}) == 1
    assert hooked.hook(hook).failures == 0
    assert hooked.hook(hook).paused_until is None


def test_a_slow_receiver_waits_for_its_next(one, receiver, monkeypatch):
    monkeypatch.setattr(delivery, "SLOW_S", 0.0)
    hook = one.add_hook(receiver.url, "alice")
    one.make_repo()
    one.work()
    assert [row.state for row in one.deliveries(hook)] == ["delivered"]
    assert one.hook(hook).paused_until is not None
    assert one.hook(hook).failures == 0


def test_an_id_never_comes_to_name_another_hook(one, receiver):
    first = one.add_hook(receiver.url, "alice")
    assert one.add_hook(receiver.url, "alice") != first + 1


def test_it_is_given_up_after_the_last_try(one, receiver):
    hook = one.add_hook(receiver.url, "alice")
    receiver.answers = [500] * 50
    one.make_repo()
    one.work(hurry=True)
    (row,) = one.deliveries(hook)
    assert (row.state, row.tries, row.due_at) == ("failed", len(limits.WAITS_S) + 1, None)
    assert not one.hook(hook).disabled


def test_others_wait_while_a_hook_fails(one, receiver):
    hook = one.add_hook(receiver.url, "alice")
    receiver.answers = [500]
    one.make_repo()
    one.work()
    one.commit({"a.txt": b"1"})
    one.work()
    assert len(receiver.received) == 1
    _, second = one.deliveries(hook)
    assert (second.state, second.tries) == ("waiting", 0)
    assert second.due_at == one.hook(hook).paused_until
    one.work(hurry=True)
    assert {row.state for row in one.deliveries(hook)} == {"delivered"}


def test_a_hook_that_fails_for_days_is_turned_off(one, receiver):
    hook = one.add_hook(receiver.url, "alice")
    receiver.answers = [500] * 50
    one.make_repo()
    one.work()
    one.commit({"a.txt": b"1"})
    with one.db.write() as session:
        row = queries.lock_hook(session, hook)
        row.failing_since = now() - limits.FAILING_MOST
        row.failures = limits.FAILURES_MIN - 2
    one.work(hurry=True)
    assert "3 days" in one.hook(hook).disabled_why
    assert {row.state for row in one.deliveries(hook)} <= {"failed", "dropped"}
    assert len(receiver.received) == 3
    one.commit({"a.txt": b"2"})
    assert one.jobs(outbox.SHARE_OUT) == []
    with one.tx() as tx:
        service.set_disabled(tx, service.get_hook(tx, hook), disabled=False)
    receiver.answers = []
    one.commit({"a.txt": b"3"})
    one.work()
    assert one.deliveries(hook)[-1].state == "delivered"


def test_gone_turns_a_hook_off_at_once(one, receiver):
    hook = one.add_hook(receiver.url, "alice")
    receiver.answers = [410]
    one.make_repo()
    one.work(hurry=True)
    assert "410" in one.hook(hook).disabled_why
    assert len(receiver.received) == 1


def test_redirects_are_not_followed(one, receiver):
    hook = one.add_hook(receiver.url, "alice")
    receiver.answers = [302]
    receiver.headers = {"Location": receiver.url}
    one.make_repo()
    one.work()
    (row,) = one.deliveries(hook)
    assert (row.state, row.status) == ("waiting", 302)
    assert "redirects" in row.error
    assert len(receiver.received) == 1


def test_a_hook_that_was_turned_off_or_deleted_meanwhile_gets_nothing(one, receiver):
    off, gone = one.add_hook(receiver.url, "alice"), one.add_hook(receiver.url, "alice")
    one.make_repo()
    for job in one.jobs(outbox.SHARE_OUT):
        one._do(job["id"], outbox.share_out(job["event"], 0, now()))
    with one.tx() as tx:
        service.set_disabled(tx, service.get_hook(tx, off), disabled=True)
        service.delete_hook(tx, service.get_hook(tx, gone))
    one.work()
    assert receiver.received == []
    assert [row.state for row in one.deliveries(off)] == ["dropped"]
    assert one.deliveries(gone) == []


def test_a_deleted_account_is_told_nothing(one, receiver):
    one.caller("alice")
    hook = one.add_hook(receiver.url, "alice", who="bob")
    one.make_repo()
    with one.tx("bob") as tx:
        delete_account(tx.session, tx.session.merge(tx.caller.account))
    one.work()
    assert receiver.received == []
    assert [row.state for row in one.deliveries(hook)] == ["dropped"]


def test_the_effect_of_a_try_counts_once(one, receiver):
    """Two workers may send the same; only one writes of it."""
    hook = one.add_hook(receiver.url, "alice")
    one.make_repo()
    for job in one.jobs(outbox.SHARE_OUT):
        one._do(job["id"], outbox.share_out(job["event"], 0, now()))
    (row,) = one.deliveries(hook)
    effects = [delivery.deliver(one.db, one.settings, row.id) for _ in range(2)]
    for effect in effects:
        with one.db.write() as session:
            effect(session)
    (row,) = one.deliveries(hook)
    assert (row.state, row.tries) == ("delivered", 1)


def test_a_days_limit_holds(one, receiver, monkeypatch):
    monkeypatch.setattr(outbox, "DAILY_MAX", 2)
    monkeypatch.setattr(service, "DAILY_MAX", 2)
    hook = one.add_hook(receiver.url, "alice")
    for name in ("a", "b", "c"):
        one.make_repo(name)
        one.work()
    assert len(receiver.received) == 2
    with one.tx() as tx, pytest.raises(NotResendable):
        service.send_again(tx, service.get_hook(tx, hook), one.deliveries(hook)[0].id)
    with one.db.write() as session:
        session.query(WebhookDelivery).update({"created_at": now() - timedelta(days=2)})
    one.make_repo("d")
    one.work()
    assert len(receiver.received) == 3


def test_old_events_go_with_their_deliveries(hooked, receiver):
    hook = hooked.add_hook(receiver.url, "alice")
    hooked.make_repo("old")
    hooked.work()
    with hooked.db.write() as session:
        session.query(WebhookEvent).update({"created_at": now() - limits.KEPT})
    hooked.make_repo("fresh")
    hooked.work()
    (row,) = hooked.deliveries(hook)
    assert row.event.payload["repo"]["name"] == "alice/fresh"


def test_sent_again_it_is_the_same_event(one, receiver):
    hook = one.add_hook(receiver.url, "alice")
    one.make_repo()
    one.work()
    with one.tx() as tx:
        mine = service.get_hook(tx, hook)
        told = service.send_again(tx, mine, one.deliveries(hook)[0].id)
        assert told.repo == "alice/style"
        with pytest.raises(NotResendable):
            service.send_again(tx, mine, told.row.id)
        with pytest.raises(DeliveryNotFound):
            service.send_again(tx, mine, 999)
    one.work()
    first, second = receiver.received
    assert first.json == second.json
    assert first.headers["x-webhook-delivery"] != second.headers["x-webhook-delivery"]


def test_no_transaction_is_open_while_the_receiver_takes_its_time(one, receiver):
    """The receiver may ask the hub at once, and a slow one must not hold up others."""
    one.add_hook(receiver.url, "alice")
    one.make_repo()
    receiver.on_post = lambda: one.make_repo("from-the-receiver", who="bob")
    one.work()
    assert len(receiver.received) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9999/x", "http://localhost:9999/", "http://10.1.2.3/", "http://[::1]/",
        "http://169.254.169.254/latest/meta-data", "http://192.168.0.1/", "http://0.0.0.0/",
        "http://[fe80::1]/", "http://[fd00::1]/", "http://[::ffff:10.0.0.1]/", "http://224.0.1.1/",
        "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/", "http://255.255.255.255/",
        "http://[ff02::1]/", "http://[fec0::1]/", "http://100.64.0.1/", "http://a.localhost/",
        "http://[::]/", "http://127.0.0.1.:8000/", "http://2130706433/", "http://0x7f000001/",
        "http://127.1/", "http://0177.0.0.1/", "http://0/", "http://0x7f.1:9009/", "http://10.1/",
    ],
)  # fmt: skip
def test_private_addresses_are_refused_when_a_hook_is_added(url):
    nobody = Allowed.of("")
    with pytest.raises(Exception, match="private network"):
        read_url(url, nobody)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/", "https://", "https://user:pw@example.org/", "https://example.org/#x",
        "https://exa mple.org/", "https://example.org:22/", "https://example.org:99999/", "x",
        "https://example.org/\n", "javascript:alert(1)", "https://[::1", "https://ex%41mple.org/",
        "https://éxample.org/", "https://example.org/" + "a" * 2000,
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(url):
    with pytest.raises(Exception, match=r"address|URL|port"):
        read_url(url, HERE)


@pytest.mark.parametrize("name", ["0x7f.1", "2130706433", "017700000001", "127.1"])
def test_other_spellings_of_this_machine_are_refused_when_sending_too(name):
    """The system takes these for 127.0.0.1: what counts is where the name leads."""
    target = Target("http", name, 9009, "/")
    sent = sending.post(target, b"{}", {}, Allowed.of(""))
    assert sent.status is None
    assert "private network" in sent.error


def test_a_name_that_leads_to_a_private_address_is_refused(receiver, monkeypatch):
    """Also when only one of its addresses is private, and whatever it led to before."""
    port = int(receiver.url.split(":")[2].split("/")[0])
    answers = [("93.184.216.34", port), ("127.0.0.1", port)]
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda *_args, **_more: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", a) for a in answers],
    )
    url = receiver.url.replace("127.0.0.1", "evil.example")
    nobody = Allowed.of("")
    sent = sending.post(read_url(url, nobody), b"{}", {}, nobody)
    assert "private network" in sent.error
    assert receiver.received == []


def test_the_address_that_was_checked_is_the_one_connected_to(receiver, monkeypatch):
    asked = []
    port = int(receiver.url.split(":")[2].split("/")[0])
    original = socket.getaddrinfo

    def lookup(host, *args, **more):
        asked.append(host)
        if host == "hook.example":
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
        return original(host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    allowed = Allowed.of("hook.example")
    url = receiver.url.replace("127.0.0.1", "hook.example")
    assert sending.post(read_url(url, allowed), b"{}", {}, allowed).is_done
    assert asked.count("hook.example") == 1
    assert receiver.received[0].headers["host"] == f"hook.example:{port}"


@pytest.mark.parametrize("what", [b"", b"HTTP/1.1 2", b"nonsense\r\n\r\n"])
def test_a_receiver_that_says_nothing_sensible_is_given_up(what, monkeypatch):
    monkeypatch.setattr(sending, "TRY_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        held = []

        def answer():
            connection, _ = server.accept()
            held.append(connection)
            connection.sendall(what)

        import threading

        thread = threading.Thread(target=answer)
        thread.start()
        sent = sending.post(read_url(url, HERE), b"{}", {}, HERE)
        thread.join()
        held[0].close()
    assert sent.status is None
    assert sent.error


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\nX-Long: ", b"HTTP/1.0 200 OK\r\n\r\n"], ids=["head", "body"]
)
def test_a_receiver_that_trickles_is_cut_off(monkeypatch, head):
    import threading
    import time

    monkeypatch.setattr(sending, "TRY_S", 0.6)
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"

        def answer():
            connection, _ = server.accept()
            with connection:
                connection.sendall(head)
                for byte in b"a" * 100:
                    try:
                        connection.sendall(bytes([byte]))
                    except OSError:
                        return
                    time.sleep(0.1)

        thread = threading.Thread(target=answer)
        thread.start()
        started = time.monotonic()
        sent = sending.post(read_url(url, HERE), b"{}", {}, HERE)
        assert time.monotonic() - started < 3
        thread.join()
    # Whoever said that all is well is believed, however long the rest would take.
    assert "did not answer within" in sent.error or (head.endswith(b"\n") and sent.status == 200)


def test_nobody_listens_there(one):
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
    hook = one.add_hook(url, "alice")
    one.make_repo()
    one.work()
    (row,) = one.deliveries(hook)
    assert (row.status, row.error) == (None, "The receiver can't be reached at its address.")
