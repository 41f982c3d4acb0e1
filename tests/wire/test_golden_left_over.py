"""Every golden file is somebody's."""

from pathlib import Path

GOLDEN = Path(__file__).with_name("golden")
# The tests make their files' names in one place each; here they stand together, so that a forgotten file is noticed.
OWNERS = {
    "test_golden.py": {
        "create-json", "create-php", "create-php-file", "update-json", "update-php", "ticket-php", "tickets-filters",
        "tickets-dates", "tickets-tags",
    },
    "test_messenger_golden.py": {"create-whatsapp", "create-template-pact", "create-template-landbot", "create-viber", "create-telegram"},
    "test_deliveries.py": {
        "deliveries-page", "delivery-webhook", "delivery-resend-answer", "delivery-cancel-answer", "deliveries-replay-answer",
    },
}  # fmt: skip


def test_no_golden_file_is_left_over():
    assert {path.stem for path in GOLDEN.glob("*.json")} == set().union(*OWNERS.values())
