"""What is folded and what is not: the ways in which mail programs quote, in Russian and English, and what only looks like it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pult.channels.mail_quotes import fold, is_attribution
from pult.channels.mail_quotes_html import fold_html

NEW = "Спасибо!"
SUPPORT = "Support <support@desk.example>"

FOLDED = {
    "Gmail, Russian": f"{NEW}\n\nпн, 12 янв. 2026 г. в 10:15, {SUPPORT}:\n\n> Привет\n",
    "Gmail, Russian, long": f"{NEW}\n\nпонедельник, 12 января 2026 г. в 10:15,\n{SUPPORT}:\n\n> Привет\n",
    "Gmail, Russian, of old": f"{NEW}\n\n12 января 2026 г., 10:15 пользователь {SUPPORT}\nнаписал:\n\n> Привет\n",
    "Gmail, English": f"{NEW}\n\nOn Mon, Jan 12, 2026 at 10:15 AM {SUPPORT} wrote:\n\n> Hi\n",
    "Gmail, English, broken": f"{NEW}\n\nOn Mon, Jan 12, 2026 at 10:15 AM Support\n<support@desk.example>\nwrote:\n\n> Hi\n",
    "Yandex": f'{NEW}\n\n12.01.2026, 10:15, "Support" <support@desk.example>:\n> Привет\n',
    "Yandex, words": f"{NEW}\n\n12.01.2026, 10:15, Support <support@desk.example> написал(а):\nПривет\n",
    "Mail.ru": f"{NEW}\n\nПонедельник, 12 января 2026, 10:15 +03:00 от {SUPPORT}:\n \nПривет\n",
    "Mail.ru, marked": f"{NEW}\n\n>Понедельник, 12 января 2026, 10:15 +03:00 от {SUPPORT}:\n>\n>Привет\n",
    "Outlook, Russian": f"{NEW}\n\nОт: {SUPPORT}\nОтправлено: 12 января 2026 г. 10:15\nКому: Dana\nТема: Re: x\n\nПривет\n",
    "Outlook, drawn": f"{NEW}\n\n________________________________\nОт: Support\nОтправлено: вчера\nКому: Dana\n\nПривет\n",
    "Outlook, English": f"{NEW}\n\nFrom: Support\nSent: Monday, January 12, 2026 10:15 AM\nTo: Dana\nSubject: x\n\nHi\n",
    "Outlook, Russian, of old": f"{NEW}\n\n-----Исходное сообщение-----\nFrom: Support\n\nПривет\n",
    "Outlook, English, of old": f"{NEW}\n\n-----Original Message-----\nFrom: Support\n\nHi\n",
    "Apple, Russian": f"{NEW}\n\n> 12 янв. 2026 г., в 10:15, {SUPPORT} написал(а):\n> \n> Привет\n",
    "Apple, English": f"{NEW}\n\n> On 12 Jan 2026, at 10:15, {SUPPORT} wrote:\n> \n> Hi\n",
    "Thunderbird, Russian": f"{NEW}\n\n12.01.2026 10:15, Support пишет:\n> Привет\n",
    "Thunderbird, English": f"{NEW}\n\nOn 12/01/2026 10:15, Support wrote:\n> Hi\n\n-- \nDana\n",
    "Roundcube": f"{NEW}\n\nSupport писал(а) 2026-01-12 10:15:\n> Привет\n",
    "only marked": f"{NEW}\n\n> Привет\n> мир\n",
}
KEPT = {
    "answers between the lines": "> Какой заказ?\nПятый.\n> Когда?\nВчера.\n",
    "an answer below": "On 12/01/2026 10:15, Support wrote:\n> Which?\n\nThe fifth.\n",
    "nothing but a quotation": f"On 12/01/2026 10:15, {SUPPORT} wrote:\n> Hi\n",
    "forwarded, Russian": f"Смотрите\n\n-------- Пересылаемое сообщение --------\n12.01.2026, 10:15, {SUPPORT}:\n\nПривет\n",
    "forwarded, English": "See below\n\n---------- Forwarded message ---------\nFrom: Support\nDate: Mon\nSubject: x\n\nHi\n",
    "a list": "Добрый день!\n\nПрошу прислать:\nдоговор\nсчёт\n",
    "a meeting": "Добрый день!\n\nВстреча 12.01.2026 в 10:15, прошу подготовить:\nотчёт\nсправку\n",
    "a story": "Hello,\n\nOn 5 January you wrote: it left. Where is it?\n",
    "a form": "Заявка с сайта\n\nОт: Дана\nТелефон: 123\nВопрос: где?\n",
    "a speech": "Он мне написал:\nпозвоните в офис.\n",
}
FOLDED_HTML = {
    "Gmail": '<div dir="ltr">Спасибо!</div><br><div class="gmail_quote"><div class="gmail_attr">пн: </div><blockquote>Привет</blockquote></div>',
    "Yandex": '<div>Спасибо!</div><div> </div><div>12.01.2026, 10:15, "Support" &lt;s@d.e&gt;:</div><blockquote><p>Привет</p></blockquote>',
    "Mail.ru": "<div>Спасибо!</div><blockquote>Понедельник, 12 января 2026, 10:15 +03:00 от S &lt;s@d.e&gt;:<br><div>Привет</div></blockquote>",
    "Outlook": '<p>Спасибо!</p><div style="border:none;border-top:solid #E1E1E1 1.0pt"><p><b>От:</b> S<br><b>Отправлено:</b> вчера<br><b>Кому:</b> D</p></div><p>Привет</p>',
    "Outlook on the web": '<div>Спасибо!</div><hr><div id="divRplyFwdMsg"><b>From:</b> S</div><div>Привет</div>',
    "Outlook, seen through another": '<div>Спасибо!</div><div id="x_divRplyFwdMsg"><b>From:</b> S</div><div>Привет</div>',
    "Outlook, without marks": "<p>Спасибо!</p><p>From: S<br>Sent: M<br>To: D<br>Subject: x</p><p>Привет</p>",
    "Apple": '<div>Спасибо!</div><blockquote type="cite"><div>On 12 Jan 2026, at 10:15, S wrote:</div>Привет</blockquote>',
    "Thunderbird": 'Спасибо!<div class="moz-cite-prefix">12.01.2026 10:15, S пишет:<br></div><blockquote type="cite">Привет</blockquote><div class="moz-signature">-- <br>D</div>',
    "Yahoo": '<div>Спасибо!</div><div class="yahoo_quoted"><div>Привет</div></div>',
    "Proton": '<div>Спасибо!</div><div class="protonmail_quote">Привет</div>',
}
KEPT_HTML = {
    "answers between the lines": '<blockquote type="cite">Какой?</blockquote><p>Пятый</p><blockquote type="cite">Когда?</blockquote><p>Вчера</p>',
    "an answer below": 'Hi<div class="moz-cite-prefix">12.01.2026 10:15, S пишет:<br></div><blockquote type="cite">Which?</blockquote><p>The fifth</p>',
    "a poem": "<p>Как сказал поэт:</p><blockquote>Мороз и солнце</blockquote>",
    "forwarded": '<div>Смотри</div><div class="gmail_quote"><div class="gmail_attr">---------- Forwarded message ---------<br>От: X</div>Привет</div>',
    "nothing but a quotation": '<blockquote type="cite">Привет</blockquote>',
    "a table": "<table><tr><td>От: Дана</td></tr><tr><td>Телефон: 1</td></tr></table>",
}


@pytest.mark.parametrize("name", FOLDED)
def test_a_quotation_is_folded(name):
    new, quoted = fold(FOLDED[name])
    assert new == NEW
    assert "Привет" in quoted or "Hi" in quoted


@pytest.mark.parametrize("name", KEPT)
def test_what_is_no_quotation_is_kept(name):
    assert fold(KEPT[name]) == (KEPT[name], "")


@pytest.mark.parametrize("name", FOLDED_HTML)
def test_a_quotation_in_html_is_folded(name):
    new = fold_html(f"<html><head><style>p{{}}</style></head><body>{FOLDED_HTML[name]}</body></html>")
    assert NEW in new
    assert "Привет" not in new


@pytest.mark.parametrize("name", KEPT_HTML)
def test_what_is_no_quotation_in_html_is_kept(name):
    assert fold_html(KEPT_HTML[name]) is None


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from([*FOLDED.values(), "x", ">", "> x", "От: a", "Тема: b", "--", "", "On 1 wrote:", "a:"]),
        max_size=8,
    )
)
def test_nothing_is_lost(pieces):
    text = "\n".join(pieces)
    new, quoted = fold(text)
    assert "".join(text.split()) == "".join(f"{new}{quoted}".split())


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.sampled_from([*FOLDED_HTML.values(), "<div>", "</div>", "<blockquote>", "</p>", "x", "<!--", "]]>", "<br"]),
        max_size=8,
    )
)
def test_any_markup_is_folded_or_left(pieces):
    new = fold_html("".join(pieces))
    assert new is None or len(new) <= 4 * len("".join(pieces)) + 100


def test_deep_and_long_markup_takes_no_time():
    deep = "<div>" * 5000 + "x" + '<blockquote type="cite">y</blockquote>' + "</div>" * 5000
    assert fold_html(deep) is None
    long = "<div>a</div>" * 20_000 + '<blockquote type="cite">y</blockquote>'
    assert fold_html(long).endswith("<div>a</div>")


@pytest.mark.parametrize("text", ["", ":", "a" * 2000 + ":", "12.01.2026:", "wrote:", "On wrote:"])
def test_what_is_no_attribution(text):
    assert not is_attribution(text)
