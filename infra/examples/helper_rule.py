"""A detection of your own on the typed helper: read calls, send findings back as ours.

python -m triptych.infra.examples.helper_rule broker:9092
"""

from __future__ import annotations

import asyncio
import sys

from ...models.events import Call
from ...streams import Emitter, calls

__all__ = ["main"]


def reads_payroll(call: Call) -> bool:
    return any((effect.path or "").startswith("/srv/payroll/") for effect in call.effects)


async def main(bootstrap: str, most: int = 0) -> None:
    """Run until `most` findings were sent; 0: for ever."""
    sent = 0
    async with Emitter(bootstrap) as emitter:
        async for call in calls(bootstrap, group="payroll-rule"):
            if reads_payroll(call):
                alert = await emitter.emit(call, rule="payroll", title="The payroll was read", severity="high")
                print(alert.finding_uid, alert.title, flush=True)
                sent += 1
                if sent == most:
                    return


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0))
