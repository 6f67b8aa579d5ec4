"""Asked: what a trader asks for, at hand for the checks that read it many times."""

from msgspec.structs import astuple

from domain.event import Side, TriggerSource
from domain.order import OrderRequest


class Asked:
    """The fields of an ``OrderRequest``, read at once: each check of a field is then a matter of nothing."""

    __slots__ = OrderRequest.__struct_fields__

    def __init__(self, request: OrderRequest) -> None:
        (
            side,
            order_type,
            time_in_force,
            quantity,
            quote_quantity,
            price,
            trigger_price,
            trigger_source,
            trailing_offset,
            trailing_bps,
            display_quantity,
            post_only,
            expires_at_us,
            self_trade,
            session,
        ) = astuple(request)
        self.side: Side = side
        self.order_type: str = order_type
        self.time_in_force: str = time_in_force
        self.quantity: str | None = quantity
        self.quote_quantity: str | None = quote_quantity
        self.price: str | None = price
        self.trigger_price: str | None = trigger_price
        self.trigger_source: TriggerSource = trigger_source
        self.trailing_offset: str | None = trailing_offset
        self.trailing_bps: int | None = trailing_bps
        self.display_quantity: str | None = display_quantity
        self.post_only: bool = post_only
        self.expires_at_us: int | None = expires_at_us
        self.self_trade: str = self_trade
        self.session: str = session
