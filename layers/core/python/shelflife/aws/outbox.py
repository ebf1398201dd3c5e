"""News as an item of the table that it is about: written with what it tells, in one transaction."""

from datetime import timedelta

from shelflife.aws.items import Write
from shelflife.kernel.news import News
from shelflife.kernel.tables import EXPIRY, PARTITION_KEY, SORT_KEY

#: The stream keeps records for a day; the item stays a little longer, for people who look.
_KEPT = timedelta(days=7)


def news_write(news: News) -> Write:
    """The write that says it; the table's stream does the rest."""
    return Write(
        put={
            PARTITION_KEY: f"NEWS#{news.event_id}",
            SORT_KEY: "NEWS",
            "detail_type": news.detail_type,
            "detail": news.model_dump_json(),
            EXPIRY: int((news.happened_at + _KEPT).timestamp()),
        },
        condition="attribute_not_exists(pk)",
    )
