"""What a core knows of its cell's keys never goes back in time."""

import asyncio

from dingli_core.keys import Keys
from dingli_core.view import CellView
from dingli_etcd import Client
from dingli_etcd import etcd_pb2 as pb

from tests.unit.etcd.fake_member import FakeMember

KEYS = Keys("alpha")


def test_a_read_that_was_overtaken_by_the_watch_undoes_nothing() -> None:
    async def scenario() -> None:
        async with FakeMember() as member:  # its reads are all of revision 1
            appeared = pb.Event(kv=pb.KeyValue(key=KEYS.leader, value=b'{"core": "a/main"}', mod_revision=5))
            member.watch_responses = [pb.WatchResponse(header=pb.ResponseHeader(revision=5), events=[appeared])]
            member.watch_stays_open = True
            client = Client([member.url], None, 1.0)
            view = CellView(client, KEYS)
            task = asyncio.create_task(view.run())
            async with asyncio.timeout(5):
                while view.leader() is None:
                    await view.changed(0.05)
            await view.poll()
            assert view.leader() is not None
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await client.close()

    asyncio.run(scenario())
