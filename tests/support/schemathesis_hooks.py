"""Keeps long polls and steps of a replay short, so that a run ends in its time."""
import schemathesis


@schemathesis.hook
def map_query(context, query):
    wait_ms = (query or {}).get("wait_ms")
    if isinstance(wait_ms, int) and 100 < wait_ms <= 60_000:
        query["wait_ms"] = wait_ms % 101
    return query


@schemathesis.hook
def map_body(context, body):
    step = body.get("step") if isinstance(body, dict) else None
    if isinstance(step, int) and 100 < step <= 6_000:
        body["step"] = step % 100 + 1
    return body
