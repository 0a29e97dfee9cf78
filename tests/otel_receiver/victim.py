"""A receiver that writes without a pause and says what was acknowledged, until it is killed.

python -m tests.otel_receiver.victim FOLDER URL FIRST
"""

import asyncio
import sys
from pathlib import Path

from clickhouse.connect import Database
from otel_receiver.tables import Tables
from tests.otel_receiver.spans import batch_of
from tests.otel_receiver.writing import Receiver

SPANS = 10


async def client(receiver: Receiver, number: int) -> None:
    while True:
        if await receiver.write(batch_of(SPANS, number)):
            print(number, flush=True)
        number += SPANS


async def main(folder: Path, url: str, first: int) -> None:
    receiver = Receiver(folder, Tables(Database.from_url(url)))
    await receiver.writer.start()
    await asyncio.gather(*(client(receiver, first + 100_000 * number) for number in range(6)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
