"""Receivers that answer, refuse, hang, flood, lead astray and come back: what each leaves behind in the ledger."""

from __future__ import annotations

import asyncio
import ssl

import pytest
import trustme
from hook_receiver import FLOOD

from pult.deliveries import ledger
from pult.kit.http_out import HttpOut
from pult.webhooks import actions, model
from pult.webhooks import carrier as carrying


@pytest.fixture
async def ticket(house):
    return (await house.open()).ticket_id


async def test_nobody_listens_no_row_and_no_statement(new_house):
    house = await new_house()
    opened = await house.open()
    async with house.desk.work(house.caller) as work:
        conn, work.conn = work.conn, None  # a statement would fail
        await actions.notice(work, "ticket", opened.ticket_id, channel_id=opened.channel_id)
        work.conn = conn
    assert await house.rows() == []


async def test_a_receiver_hears_of_what_it_asked_for_and_each_has_its_own_numbers(new_house, receiver):
    extra = """
[[channel]]
key = "picky"
type = "api"
name = "picky"
webhook_url = "{}"
events = ["comment", "delivery"]
watch = ["site"]
""".format(receiver.url.replace("/hook", "/picky"))
    house = await new_house(hook=receiver.url, extra=extra)
    opened = await house.open()
    for event, word in (("ticket", None), ("comment", None), ("delivery", "SENT"), ("delivery", "DELIVERED")):
        await house.notice(event, opened.ticket_id, comment_id=opened.comment_id, word=word)
    await house.notice("comment", opened.ticket_id, comment_id=opened.comment_id, channel_id=house.channel("hook"))
    while await house.round():
        pass
    heard = [(h.path, int(h.headers["webhook-sequence"])) for h in receiver.heard]
    assert [number for path, number in heard if path == "/hook"] == [1, 2, 3, 4]
    assert [number for path, number in heard if path == "/picky"] == [1, 2]


async def test_500_and_then_200(house, receiver, ticket):
    await house.notice("ticket", ticket)
    receiver.behaviours.append(receiver.status(500, "out of\n order\x00"))
    [failed] = await house.round()
    assert (failed.result, failed.http_status, failed.target_failed) == ("retry", 500, True)
    [row] = await house.rows()
    assert (row["state"], row["error_code"], row["attempts"]) == ("queued", "500", 1)
    body = row["body"]
    async with house.desk.work(None) as work:
        await work.conn.execute("update tickets set subject = 'another' where company_id = $1", house.company)
    [done] = await house.round()
    assert (done.result, done.state) == ("done", "delivered")
    first, second = receiver.heard
    assert first.body == second.body == body.encode()  # the same, whatever happened to the ticket meanwhile
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert await house.states() == ["delivered"]


async def test_a_tickets_events_come_in_order_and_another_tickets_are_not_held_up(house, receiver, ticket):
    other = (await house.open()).ticket_id
    for _ in range(3):
        await house.notice("ticket", ticket)
    await house.notice("ticket", other)
    receiver.behaviours.append(receiver.status(422, "I do not like this one"))
    assert [one.result for one in await house.round()] == ["retry", "done"]
    for _ in range(3):
        assert [one.result for one in await house.round()] == ["done"]
    heard = [(h.json["ticket"]["id"], int(h.headers["webhook-sequence"])) for h in receiver.heard]
    assert heard == [(ticket, 1), (other, 1), (ticket, 1), (ticket, 2), (ticket, 3)]


@pytest.mark.parametrize("status", [200, 201, 204, 299])
async def test_every_2xx_is_delivery(house, receiver, ticket, status):
    await house.notice("ticket", ticket)
    receiver.behaviours.append(receiver.status(status, ""))
    assert [one.result for one in await house.round()] == ["done"]


@pytest.mark.parametrize(
    ("status", "targets_fault"), [(400, False), (404, True), (429, True), (503, True), (302, True), (304, True)]
)
async def test_everything_else_is_tried_again(house, receiver, ticket, status, targets_fault):
    await house.notice("ticket", ticket)
    receiver.behaviours.append(receiver.status(status, "", **{"Retry-After": "7", "Location": "/elsewhere"}))
    [failed] = await house.round()
    assert (failed.result, failed.code, failed.target_failed) == ("retry", str(status), targets_fault)
    assert failed.retry_after == 7
    assert failed.text
    assert len(receiver.heard) == 1


async def test_gone_is_gone(house, receiver, ticket):
    await house.notice("ticket", ticket)
    receiver.behaviours.append(receiver.status(410, "moved away"))
    await house.round()
    [row] = await house.rows()
    assert (row["state"], row["error_code"]) == ("failed", "410")
    assert "moved away" in row["error_text"]
    assert await house.round() == []


async def test_a_receiver_that_hangs_is_left(house, receiver, ticket, monkeypatch):
    monkeypatch.setattr(carrying, "WITHIN", 0.3)
    await house.notice("ticket", ticket)
    receiver.behaviours.append(receiver.hang)
    [failed] = await house.round()
    assert (failed.result, failed.code, failed.target_failed) == ("retry", "no_answer", True)
    assert "in time" in failed.text
    assert carrying.READ_AT_MOST == 64 * 1024


async def test_a_flood_is_not_read(house, receiver, ticket):
    await house.notice("ticket", ticket)
    receiver.behaviours.append(receiver.flood)
    [done] = await house.round()
    assert done.result == "done"
    assert len(done.text) <= carrying.KEPT
    assert receiver.flooded < FLOOD / 2


async def test_a_connection_that_is_cut_is_tried_again(house, receiver, ticket):
    await house.notice("ticket", ticket)
    receiver.behaviours.append(receiver.cut)
    [failed] = await house.round()
    assert (failed.result, failed.code) == ("retry", "no_answer")
    [done] = await house.round()
    assert done.result == "done"
    assert len({h.headers["webhook-id"] for h in receiver.heard}) == 1


async def test_nobody_there(house, receiver, ticket):
    await receiver.stop()
    await house.notice("ticket", ticket)
    [failed] = await house.round()
    assert (failed.result, failed.code) == ("retry", "not_sent")
    assert "cannot connect" in failed.text


async def test_a_private_address_is_refused_and_says_which_setting_allows_it(new_house, receiver):
    house = await new_house(hook=receiver.url, allowed="")
    await house.notice("ticket", (await house.open()).ticket_id)
    [failed] = await house.round()
    assert (failed.result, failed.code) == ("retry", "private_address")
    assert "PULT_ALLOW_PRIVATE" in failed.text
    house.carrier._http = allowed = HttpOut("127.0.0.1/32", keep_alive=True)
    [done] = await house.round()
    assert done.result == "done"
    await allowed.close()


@pytest.mark.parametrize("status", [307, 308])
async def test_a_redirect_to_our_own_network_is_refused(new_house, receiver, status):
    """Only this one address is allowed; the redirect leads to another of loopback."""
    house = await new_house(hook=receiver.url, allowed="127.0.0.1/32")
    await house.notice("ticket", (await house.open()).ticket_id)
    receiver.behaviours.append(receiver.redirect(status, f"http://127.0.0.2:{receiver.port}/secret"))
    [failed] = await house.round()
    assert (failed.result, failed.code) == ("retry", "private_address")
    assert len(receiver.heard) == 1


async def test_a_redirect_that_keeps_the_method_is_followed(house, receiver, ticket):
    await house.notice("ticket", ticket)
    receiver.behaviours.append(receiver.redirect(308, "/new"))
    [done] = await house.round()
    assert done.result == "done"
    first, second = receiver.heard
    assert (first.path, second.path) == ("/hook", "/new")
    assert first.body == second.body
    assert second.headers["webhook-signature"] == first.headers["webhook-signature"]


async def test_redirects_without_end(house, receiver, ticket):
    await house.notice("ticket", ticket)
    receiver.behaviours.extend([receiver.redirect(307, "/again")] * 9)
    [failed] = await house.round()
    assert failed.result == "retry"
    assert "redirected" in failed.text
    assert len(receiver.heard) == 4


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


async def tls_house(new_house, receiver, authority, name, *, trusted):
    await receiver.stop()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    receiver.let_go.clear()
    await receiver.start(context)
    known = ssl.create_default_context()
    if trusted:
        authority.configure_trust(known)
    return await new_house(hook=receiver.url.replace("http:", "https:"), trusted=known)


async def test_a_certificate_that_is_trusted(new_house, receiver, authority):
    house = await tls_house(new_house, receiver, authority, "127.0.0.1", trusted=True)
    await house.notice("ticket", (await house.open()).ticket_id)
    assert [one.result for one in await house.round()] == ["done"]


@pytest.mark.parametrize(("name", "trusted"), [("127.0.0.1", False), ("other.example", True)])
async def test_a_bad_certificate(new_house, receiver, authority, name, trusted):
    """One that nobody vouches for, and one of another name."""
    house = await tls_house(new_house, receiver, authority, name, trusted=trusted)
    await house.notice("ticket", (await house.open()).ticket_id)
    [failed] = await house.round()
    assert (failed.result, failed.code, failed.target_failed) == ("retry", "not_sent", True)
    assert "certificate" in failed.text
    assert receiver.heard == []


async def test_a_receiver_of_forms(new_house, receiver):
    house = await new_house(hook=receiver.url, spelled="form")
    opened = await house.open()
    await house.notice("ticket", opened.ticket_id)
    [done] = await house.round()
    assert done.result == "done"
    [heard] = receiver.heard
    assert heard.form["ticket[id]"] == str(opened.ticket_id)
    assert heard.form["client[phones][0][type]"] == "mobile"
    assert "ticket[email]" not in heard.form
    secrets = house.ids["channels"]["hook"]["signing_secrets"]
    at = int(heard.headers["webhook-timestamp"])
    right = model.signature(heard.headers["webhook-id"], at, heard.body, secrets)  # of what was sent, the form
    assert heard.headers["webhook-signature"] == right
    assert (await house.rows())[0]["body"].startswith("{")


async def test_an_address_that_was_taken_away(house, receiver, ticket):
    await house.notice("ticket", ticket)
    async with house.desk.work(None) as work:
        await work.conn.execute(
            "update channels set settings = settings #- '{adapter,webhook_url}' where company_id = $1", house.company
        )
    [refused] = await house.round()
    assert (refused.result, refused.code) == ("refused", "no_address")
    assert await house.states() == ["failed"]


async def test_a_cause_that_is_gone(house, receiver, ticket):
    await house.notice("comment", ticket, comment_id=2**40)
    [refused] = await house.round()
    assert (refused.result, refused.code) == ("refused", "gone")
    assert receiver.heard == []


async def test_two_at_once_number_their_events_one_after_the_other(house, ticket):
    async def one():
        async with house.desk.work(house.caller) as work:
            await work.conn.fetch("select id from tickets where id = $1 for no key update", ticket)
            await actions.notice(work, "ticket", ticket, channel_id=house.channel("site"))

    await asyncio.gather(*(one() for _ in range(8)))
    assert [row["sequence"] for row in await house.rows("sequence, id")] == list(range(1, 9))


async def test_whose_holder_died_is_sent_again_under_the_same_id(house, receiver, ticket):
    await house.notice("ticket", ticket)
    async with house.desk.work(None) as work:
        await ledger.claim(work.conn, 10)
        lapsed = "update deliveries set leased_until = now() - interval '1 second' where company_id = $1"
        await work.conn.execute(lapsed, house.company)
    async with house.desk.work(None) as work:
        [(claimed, began)] = await ledger.claim_lapsed(work.conn, 10)
    outcome = await house.carrier.resume(claimed, began=began)
    assert outcome.result == "retry"
    await house.carrier.settle([outcome])
    [done] = await house.round()
    assert done.result == "done"
    assert receiver.heard[0].headers["webhook-id"] == str(claimed.event_id)


async def test_a_body_stays_the_same_whatever_dies_after_it_was_made(house, receiver, ticket):
    await house.notice("ticket", ticket)
    async with house.desk.work(None) as work:
        claimed = await ledger.claim(work.conn, 10)
    [made] = await house.carrier.prepare(claimed)
    await house.carrier.carry(made)  # and then the process dies
    async with house.desk.work(None) as work:
        await work.conn.execute("update tickets set subject = 'another' where company_id = $1", house.company)
        freed = "update deliveries set leased_until = null where company_id = $1"
        await work.conn.execute(freed, house.company)
    await house.round()
    first, second = receiver.heard
    assert first.body == second.body


async def test_a_secret_that_is_none_holds_events_back_until_it_is_put_right(house, receiver, ticket):
    await house.notice("ticket", ticket)
    spoil = "update channels set settings = jsonb_set(settings, '{signing_secrets}', $2::jsonb) where company_id = $1"
    async with house.desk.work(None) as work:
        await work.conn.execute(spoil, house.company, '["whsec_no base64"]')
    [failed] = await house.round()
    assert (failed.result, failed.code) == ("retry", "signing_secret")
    assert "no base64" not in failed.text
    assert receiver.heard == []
    async with house.desk.work(None) as work:
        await work.conn.execute(spoil, house.company, '["whsec_AAAA"]')
    [done] = await house.round()
    assert done.result == "done"
