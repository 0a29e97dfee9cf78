"""The query parameters of pages: the API's, over the last days unless a range is named, or `all`."""

from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, ConfigDict, Field

from query_api.queries import FilterQuery, SessionsQuery, SubjectQuery, Text, Texts, UsersQuery
from query_api.ui.pages import View
from query_api.ui.ranges import EVERYTHING


def _unless_everything(text: str | None) -> str | None:
    return None if text == EVERYTHING else text


Q = TypeVar("Q", bound=FilterQuery)


def seen_by(view: View, query: Q) -> Q:
    """A day is the viewer's, unless the address says whose."""
    if "tz" not in query.model_fields_set:
        query.tz = view.zone.key
    return query


From = Annotated[
    Text | None, AfterValidator(_unless_everything), Field(alias="from", description="As the API has it, or all.")
]
Part = Annotated[Literal["sums"] | None, Field(description="The totals and charts alone.")]


class SessionsPageQuery(SessionsQuery):
    model_config = ConfigDict(extra="allow")

    from_: From = "7d"
    columns: Texts = Field([])
    part: Part = None


class UsersPageQuery(UsersQuery):
    model_config = ConfigDict(extra="allow")

    from_: From = "7d"
    part: Part = None


class CostsPageQuery(FilterQuery):
    model_config = ConfigDict(extra="allow")

    from_: From = "7d"
    part: Part = None


class UserPageQuery(SessionsPageQuery):
    from_: From = "30d"


class UserByIdQuery(UserPageQuery, SubjectQuery):
    pass
