"""Keeps what is known of created suites beside the runs; their tasks and media are artifacts."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from autoflow.store.sessions import Sessions
from autoflow.suites import ContentType, Split, Tool
from autoflow.suites.saving import SuiteHead
from autoflow_trainer.store.tables import DEFAULT_TENANT, OpeningRow, SuiteRow
from autoflow_trainer.suites import Suite


class SuiteStore:
    """Created suites, and how often test splits were opened.

    Every method raises Unavailable where the database is away.

    Args:
        engine: the database; not connected to before the first call.
        tenant: whose suites these are.
    """

    def __init__(self, engine: AsyncEngine, *, tenant: str = DEFAULT_TENANT) -> None:
        self._sessions = Sessions(engine)
        self._tenant = tenant

    async def insert(self, suite: Suite) -> Suite:
        """Stores a suite whose artifact is stored; returns it, or the one of its id that is there already."""
        if (found := await self.find(suite.id)) is not None:
            return found
        row = SuiteRow(
            tenant=self._tenant,
            id=suite.id,
            head=_head_to_json(suite.head),
            train_tasks=suite.sizes[Split.TRAIN],
            validation_tasks=suite.sizes[Split.VALIDATION],
            test_tasks=suite.sizes[Split.TEST],
            independent_train_tasks=suite.independent[Split.TRAIN],
            independent_validation_tasks=suite.independent[Split.VALIDATION],
            independent_test_tasks=suite.independent[Split.TEST],
            artifact=suite.artifact,
            create_time=suite.create_time,
        )
        try:
            # One insertion after the other: none becomes visible before one of a smaller sequence.
            async with self._sessions.writing(lock=f"suites/{self._tenant}") as session:
                session.add(row)
                await session.flush()
        except IntegrityError:
            # Somebody with the same suite came first, a moment ago.
            if (found := await self.find(suite.id)) is not None:
                return found
            raise
        return replace(suite, sequence=row.sequence)

    async def mend(self, suite: Suite, lost: str) -> Suite:
        """Gives a suite that is there another artifact, and the head that belongs to it.

        Args:
            suite: the same suite with an artifact that is stored.
            lost: the artifact that is gone. Where the suite has another one by now, nothing is changed.

        Returns:
            The suite as it is now.
        """
        async with self._sessions.writing(lock=f"suites/{self._tenant}") as session:
            here = SuiteRow.tenant == self._tenant, SuiteRow.id == suite.id
            await session.execute(
                update(SuiteRow)
                .where(*here, SuiteRow.artifact == lost)
                .values(artifact=suite.artifact, head=_head_to_json(suite.head))
            )
            return _to_suite((await session.scalars(select(SuiteRow).where(*here))).one())

    async def find(self, suite_id: str) -> Suite | None:
        """The created suite of that id; None where there is none."""
        async with self._sessions.reading() as session:
            row = await session.scalar(
                select(SuiteRow).where(SuiteRow.tenant == self._tenant, SuiteRow.id == suite_id)
            )
        return None if row is None else _to_suite(row)

    async def page(self, before: int | None, limit: int) -> list[Suite]:
        """Created suites, the newest first.

        Args:
            before: only suites that were created before that place in the order of creation; None means all.
            limit: the most to return.
        """
        query = select(SuiteRow).where(SuiteRow.tenant == self._tenant)
        if before is not None:
            query = query.where(SuiteRow.sequence < before)
        async with self._sessions.reading() as session:
            rows = await session.scalars(query.order_by(SuiteRow.sequence.desc()).limit(limit))
            return [_to_suite(row) for row in rows]

    async def openings(self, digests: Collection[str]) -> Mapping[str, int]:
        """How many runs have opened the test splits of suites, by digest; none where that is 0."""
        query = (
            select(OpeningRow.suite_digest, func.count())
            .where(OpeningRow.tenant == self._tenant, OpeningRow.suite_digest.in_(digests))
            .group_by(OpeningRow.suite_digest)
        )
        async with self._sessions.reading() as session:
            return dict((await session.execute(query)).all())


def _to_suite(row: SuiteRow) -> Suite:
    return Suite(
        id=row.id,
        head=_head_from_json(row.head),
        digest=f"sha256:{row.id}",
        sizes={
            Split.TRAIN: row.train_tasks,
            Split.VALIDATION: row.validation_tasks,
            Split.TEST: row.test_tasks,
        },
        independent={
            Split.TRAIN: row.independent_train_tasks,
            Split.VALIDATION: row.independent_validation_tasks,
            Split.TEST: row.independent_test_tasks,
        },
        artifact=row.artifact,
        create_time=row.create_time,
        sequence=row.sequence,
    )


def _head_to_json(head: SuiteHead) -> str:
    # JSON escapes the character 0, which PostgreSQL does not keep.
    tools = [[tool.name, tool.description, tool.inputs, tool.output, tool.idempotent] for tool in head.tools]
    return json.dumps([head.title, head.goal, tools])


def _head_from_json(text: str) -> SuiteHead:
    title, goal, tools = json.loads(text)
    return SuiteHead(
        title,
        goal,
        tuple(
            # Rows of before have no fifth field.
            Tool(
                name,
                description,
                tuple(map(ContentType, inputs)),
                ContentType(output),
                idempotent=any(idempotent),
            )
            for name, description, inputs, output, *idempotent in tools
        ),
    )
