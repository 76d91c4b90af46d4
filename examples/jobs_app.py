"""A product in the same process as the billing service: what it sells is guarded by decorators.

Every request of a user to its routes counts against the plan's quota of API calls.

With `make run` going, in another terminal at the project's root:

    set -a; . instance/dev.env; set +a
    .venv/bin/flask --app examples.jobs_app run --port 5050

Then, with the token of a user (`POST /v1/auth/login`), create a job until the plan's quota blocks,
and export the jobs where the plan gives the feature `exports`:

    curl -s 127.0.0.1:5050/v1/jobs -H "Authorization: Bearer $TOKEN" --json '{"name": "a job"}'
    curl -s 127.0.0.1:5050/v1/jobs/export -H "Authorization: Bearer $TOKEN"
"""

from typing import Any
from uuid import UUID, uuid4

from apiflask import APIBlueprint, APIFlask, Schema, fields
from apiflask.validators import Length

import billing
from billing.entitlements import count_requests, requires_feature, requires_quota
from billing.identity import caller
from config import Config

jobs = APIBlueprint("jobs", __name__, url_prefix="/v1/jobs", tag="Jobs")
count_requests(jobs)

STORE: dict[UUID, list[dict[str, Any]]] = {}
"""The jobs of each user. A real product has a database."""


class JobRequest(Schema):
    """What is to be done."""

    name = fields.String(required=True, validate=Length(1, 80))


class JobResponse(Schema):
    """A job that was created."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)


class JobList(Schema):
    """Every job of the caller."""

    jobs = fields.List(fields.Nested(JobResponse), required=True)


@jobs.post("")
@requires_quota("jobs_created")
@jobs.input(JobRequest)
@jobs.output(JobResponse, status_code=201)
def create_job(json_data: dict[str, Any]) -> dict[str, Any]:
    """Create a job; it counts only if it was created."""
    job = {"id": uuid4(), "name": json_data["name"]}
    STORE.setdefault(caller().user_id, []).append(job)
    return job


@jobs.get("/export")
@requires_feature("exports")
@jobs.output(JobList)
def export_jobs() -> dict[str, Any]:
    """Export every job, where the plan allows it."""
    return {"jobs": STORE.get(caller().user_id, [])}


def create_app(config: Config | None = None) -> APIFlask:
    """Make the billing service and put the product's routes beside its own."""
    app = billing.create_app(config or Config.from_env())
    app.register_blueprint(jobs)
    return app


if __name__ == "__main__":
    print(__doc__)
