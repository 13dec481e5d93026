"""The schema of problem details, for the specification."""

from marshmallow import Schema, fields, validate

from entrypoints.api.problems.violations import MAX_ERRORS


class ProblemError(Schema):
    """One problem of a request, and the member or parameter that has it."""

    pointer = fields.String(
        metadata={"description": "JSON pointer (RFC 6901) to the member of the body."}
    )
    parameter = fields.String(metadata={"description": "Name of the query parameter."})
    message = fields.String(required=True, metadata={"description": "What is wrong, for people."})


class Problem(Schema):
    """Problem details (RFC 9457)."""

    type = fields.String(
        required=True, metadata={"description": "URL of a page that explains this kind of problem."}
    )
    title = fields.String(
        required=True, metadata={"description": "The kind of problem, for people."}
    )
    status = fields.Integer(
        required=True, metadata={"description": "The HTTP status of the response."}
    )
    detail = fields.String(
        required=True, metadata={"description": "What went wrong in this request, for people."}
    )
    instance = fields.String(required=True, metadata={"description": "The path of the request."})
    code = fields.String(required=True, metadata={"description": "A stable word for programs."})
    request_id = fields.String(
        required=True,
        metadata={"description": "Id of the request. The service's log has the same id."},
    )
    errors = fields.List(
        fields.Nested(ProblemError),
        validate=validate.Length(max=MAX_ERRORS),
        metadata={"description": "Every problem of an invalid request."},
    )
    errors_omitted = fields.Integer(
        metadata={
            "description": (
                f"Number of errors beyond the first {MAX_ERRORS}; absent when all are listed."
            )
        }
    )
