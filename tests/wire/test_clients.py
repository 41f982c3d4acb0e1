"""Who a ticket is from: contacts identify, companies and addresses follow (issue 2 D and the tables of the create seed)."""

from __future__ import annotations

import pytest


async def client_of(desk, **parameters):
    return (await desk.ticket(await desk.create(**parameters)))["ticket"]["client_id"]


async def contacts(desk, client_id):
    rows = await desk.conn.fetch(
        "select kind, value, phone_type from client_contacts where company_id = $1 and client_id = $2 order by id",
        desk.company, client_id,
    )  # fmt: skip
    return [tuple(row) for row in rows]


@pytest.fixture
def dana(desk):
    return desk.ids["clients"]["dana"]["id"]


async def test_a_known_contact_is_that_client(desk, dana):
    for known in ({"client_email": "dana@client.example"}, {"client_email": " DANA@Client.example "}, {"client_phone": "79511234567"},
                  {"username": "dana_t"}, {"username": "@Dana_T"}):  # fmt: skip
        for how in ({}, {"client_id": "new_client"}, {"client_name": "Somebody else"}):
            assert await client_of(desk, **known, **how) == dana
    assert len(await contacts(desk, dana)) == 3


async def test_a_phone_in_several_spellings(desk, dana):
    for spelled in (
        "+7 951 123-45-67",
        "+7 (951) 1234567",
        "8 951 123 45 67",
        "89511234567",
        79511234567,
        "007 951 1234567",
    ):
        assert await client_of(desk, client_phone=spelled) == dana
    assert await client_of(desk, client_phone="+1 951 123 45 67") != dana


async def test_a_new_client_is_created_where_nobody_has_the_phone(desk, dana):
    """ "client_id "new_client" or not used at all; client_phone "79123456789" and it's not in the system" """
    made = {await client_of(desk, **how, client_phone=phone) for how, phone in
            (({}, "79123456789"), ({"client_id": "new_client"}, "79123456780"))}  # fmt: skip
    assert len(made) == 2
    assert dana not in made


async def test_a_new_phone_is_added_to_the_client_given(desk, dana):
    """ "A new phone number will be added to the current client if: Client ID is specified …, not in the system" """
    assert await client_of(desk, client_id=str(dana), client_phone="79123456789", phone_type="home") == dana
    assert ("phone", "79123456789", "home") in await contacts(desk, dana)
    assert await client_of(desk, client_phone="79123456789") == dana


async def test_a_phone_in_the_system_is_not_added(desk, dana):
    """ "A new number will NOT be added to the current client if: Client ID is specified …, it exists in the system" """
    other = await client_of(desk, client_phone="79123456789")
    before = await contacts(desk, dana)
    assert await client_of(desk, client_id=dana, client_phone="79123456789") == dana
    assert await client_of(desk, client_id=dana, client_phone="+7 951 123-45-67") == dana
    assert await contacts(desk, dana) == before
    assert await client_of(desk, client_phone="79123456789") == other


async def test_nicknames_like_phones(desk, dana):
    """ "you can use two spelling formats — "ivanov" and "@ivanov""; added to the client given, not when known"""
    ivanov = await client_of(desk, client_id="new_client", username="@ivanov")
    assert await client_of(desk, username="ivanov") == ivanov
    assert await contacts(desk, ivanov) == [("telegram", "ivanov", None)]
    assert await client_of(desk, client_id=dana, username="dana_too") == dana
    assert await client_of(desk, username="@dana_too") == dana
    before = await contacts(desk, dana)
    assert await client_of(desk, client_id=dana, username="ivanov") == dana
    assert await contacts(desk, dana) == before


async def test_new_contacts_join_the_client_whom_another_contact_names(desk, dana):
    assert (
        await client_of(desk, client_email="dana@client.example", client_phone="79120000001", phone_type="fax") == dana
    )
    assert await client_of(desk, client_phone="79120000001") == dana
    assert ("phone", "79120000001", "fax") in await contacts(desk, dana)


@pytest.mark.parametrize("phone_type", ["home", "mobile", "stationary", "fax", "other"])
async def test_phone_type(desk, phone_type):
    """ "Possible values: home, mobile, stationary, fax, other" """
    one = await desk.ticket(await desk.create(client_phone="79120000002", phone_type=phone_type))
    assert one["comments"][0]["client"]["phones"] == [{"phone": "79120000002", "type": phone_type}]


async def test_a_ticket_without_any_contact_gets_a_client_of_its_own(desk, dana):
    made = [await client_of(desk, client_name="JON"), await client_of(desk, client_name="JON"), await client_of(desk)]
    assert len({*made, dana}) == 4
    assert [row["client_name"] for row in await desk.call("tickets", order="asc")] == ["JON", "JON", ""]


async def test_a_name_is_given_to_the_nameless_only(desk, dana):
    nameless = await client_of(desk, client_phone="79120000003")
    for _ in range(2):
        one = await desk.ticket(await desk.create(client_phone="79120000003", client_name="Otto"))
        assert (one["ticket"]["client_id"], one["ticket"]["client_name"]) == (nameless, "Otto")
    one = await desk.ticket(await desk.create(client_id=dana, client_name="Otto"))
    assert one["ticket"]["client_name"] == "Dana"


async def test_wrong_contacts_are_refused(desk):
    for name, wrong in (("client_email", "nobody"), ("client_email", "a b@c.d"), ("client_email", "@"), ("client_phone", "none"),
                        ("client_phone", "12"), ("client_phone", "1" * 21), ("username", "@"), ("username", "two words")):  # fmt: skip
        refused = await desk.refused("create/ticket", subject="s", message="m", **{name: wrong})
        assert (refused["code"], refused["parameter"]) == (111, name)


async def company_of(desk, client_id):
    return await desk.conn.fetchrow(
        "select c.id, c.name from clients l join client_companies c on c.company_id = l.company_id and c.id = l.client_company_id"
        " where l.company_id = $1 and l.id = $2", desk.company, client_id,
    )  # fmt: skip


async def test_a_company_not_found_is_created_and_linked(desk):
    """ "we will create a new company with specified name. This company will be linked to the client" """
    client = await client_of(desk, client_email="eve@client.example", company_name="Новая 🏭")
    assert (await company_of(desk, client))["name"] == "Новая 🏭"


async def test_a_company_found_is_attached(desk, dana):
    """ "Company found — the client will be attached to the found company" """
    acme = desk.ids["client_companies"]["Acme LLC"]["id"]
    client = await client_of(desk, client_email="eve@client.example", company_name=" Acme LLC ")
    assert (await company_of(desk, client))["id"] == acme
    assert (await desk.rows())["client_companies"] == 1


async def test_a_client_is_reattached(desk, dana):
    """ "If the customer already has a company listed, it is reassigned to a company that has been transferred" """
    assert await client_of(desk, client_id=dana, company_name="Globex") == dana
    assert (await company_of(desk, dana))["name"] == "Globex"
    assert await client_of(desk, client_id=dana) == dana
    assert (await company_of(desk, dana))["name"] == "Globex"


async def addresses(desk, client_id):
    rows = await desk.conn.fetch(
        "select country, city, address from client_addresses where company_id = $1 and client_id = $2 order by id",
        desk.company, client_id,
    )  # fmt: skip
    return [tuple(row) for row in rows]


async def test_addresses(desk, dana):
    """ "client_country, client_city, client_address", "Pass if it is necessary to create an additional address" """
    home = {"client_country": "Germany", "client_city": "Kiel", "client_address": "Hafen 1"}
    await desk.create(client_id=dana, **home)
    assert await addresses(desk, dana) == [("Germany", "Kiel", "Hafen 1")]
    await desk.create(client_id=dana, client_city="Bonn")
    assert await addresses(desk, dana) == [("Germany", "Bonn", "Hafen 1")]
    for new in (True, "true", "1", 1):
        await desk.create(client_id=dana, client_city=f"City {new!r}", new_address=new)
    assert len(await addresses(desk, dana)) == 5
    assert (await addresses(desk, dana))[0] == ("Germany", "Bonn", "Hafen 1")
    await desk.create(client_id=dana, new_address=True)
    assert len(await addresses(desk, dana)) == 5


async def test_nothing_of_the_client_stays_where_the_ticket_is_refused(desk, dana):
    everything = {
        "client_phone": "79120000009",
        "company_name": "Nowhere",
        "client_city": "Nowhere",
        "client_name": "N",
    }
    for how in ({}, {"client_id": dana}, {"client_id": "new_client"}):
        await desk.refused(
            "create/ticket", subject="s", message="m", **everything, **how, field_id=999_999, field_value="x"
        )
    await desk.refused("create/ticket", subject="s", message="m", **everything, client_id=999_999)
