"""What a project lets us keep of feedback: as much as of the evaluations that its receiver takes."""

from dataclasses import replace

from clickhouse.projects import Project
from clickhouse.texts import MAX_LEVELS, REDACTION_SECONDS, TooSlow, changed, hashing, redaction, truncation
from query_api.owner import Score
from query_api.problems import bad_input


def kept(score: Score, project: Project) -> Score:
    if project.content == "off":
        score = replace(score, comment="")
    if project.redact:
        score = _redacted(score, project)
    if project.content == "truncated":
        score = replace(score, comment=changed(score.comment, truncation))
    return score


def _redacted(score: Score, project: Project) -> Score:
    """The session by the same hash as in its spans."""
    change = redaction(project.redact, REDACTION_SECONDS)
    try:
        return replace(
            score,
            session_id=hashing(change)(score.session_id),
            name=changed(score.name, change, MAX_LEVELS),
            label=changed(score.label, change, MAX_LEVELS),
            comment=changed(score.comment, change, MAX_LEVELS),
        )
    except TooSlow:
        raise bad_input("comment", "looking for what may not be kept takes too long; use fewer words") from None
