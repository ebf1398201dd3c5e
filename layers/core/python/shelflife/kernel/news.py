"""What all news has in common: it is written to an outbox, and said on the bus."""

from typing import ClassVar

from shelflife.kernel.ids import Moment
from shelflife.kernel.model import Model


class News(Model):
    """Something that happened, said once on the bus; it carries what its listeners need.

    The bus may deliver it twice: `event_id` is what a listener remembers.
    """

    detail_type: ClassVar[str]

    event_id: str
    happened_at: Moment
