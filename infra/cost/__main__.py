"""`python -m infra.cost`: writes infra/COST.md anew."""

from erasure_shared.cost.prices import list_prices
from infra.cost.report import report
from infra.cost.templates import INFRA

PAGE = INFRA / "COST.md"


def main() -> None:
    """Write the page."""
    PAGE.write_text(report(list_prices()), encoding="utf-8")


if __name__ == "__main__":
    main()
