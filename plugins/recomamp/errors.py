"""Everything that can go wrong, as the decision a caller has to take.

PipelineError
├── InvalidDefinition              a row cannot become a DAG or a request: correct the named column
├── ConfigurationError             a setting of the pipeline is absent or wrong: correct the
│                                  deployment
│   └── TokensUnreadable           one user's tokens were encrypted with another key
├── LimitExceeded                  a result is larger than a setting allows; never retried. A longer
│                                  answer of the API is UnexpectedResponse, which is retried
├── StepTimedOut                   a step of a run took longer than it may: try again later
├── WeekSkipped                    the week of a collection is not to be run: not an error
├── InstanceUnusable               no run on the instance can succeed until a person acts; never
│                                  retried
├── MigrationError                 database and migration files disagree: correct one of them
├── AmazonError                    Amazon was asked and did not give what was asked for
│   ├── TransientError             try again later: 408, 425, 429, 5xx, network, unreadable answers
│   │   └── ResultNotReady         AMC says SUCCEEDED and gives no result yet
│   ├── Unauthorized               401: refresh the access token once, then try again
│   ├── ConsentRevoked             the user must sign in with Amazon again; never retried
│   ├── RequestRejected            400, 403, 404, 422: Amazon's words say why; never retried
│   ├── SubmissionUnknown          it may or may not have been accepted: look for it before sending
│   │                              again
│   ├── DownloadLinkExpired        a signed link is no longer accepted: ask for new links
│   └── UnexpectedResponse         the answer does not say what the API promises
├── ExecutionEnded                 AMC ended the execution without results
│   ├── ExecutionFailed            may be tried again as a new attempt
│   │   └── FinalAttemptFailed     the run makes no further attempt
│   ├── ExecutionRejected          AMC refuses the query itself; never retried
│   ├── ExecutionCancelled
│   └── ExecutionTimedOut          AMC's or our deadline passed; cancelled at AMC
├── ResultRefused                  the results are stored, and the user's own rules refuse them;
│   │                              never retried
│   ├── ContractBroken             their columns are not those of the frozen contract
│   └── ResultChecksFailed         they do not meet a condition with the severity FAIL
├── InvalidResults                 downloaded results are truncated, malformed or not what AMC
│                                  described
├── ExecutionLocked                another try sends it or loads its results: try again later
├── ExecutionNoLongerOpen          another process ended the row: the next try reads it
├── PartialFailure                 some of several parts failed, and the others are done
├── WebhookError                   an event was not delivered to a user's webhook
│   ├── WebhookDeferred            the server may take it later, or may have taken it: try again
│   └── WebhookRefused             never retried
└── MailError                      a mail to a user was not delivered
    ├── MailDeferred               the server took nothing: try again later
    │   └── MailServerUnavailable  the server takes no mail from us: try all of them later
    ├── MailRefused                never retried
    └── MailDeliveryUnknown        it may have been delivered: never retried

Messages say what was tried, on what, what came back and what to do; ids, never secrets.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from recomamp.domain.execution_states import CHECK_FAILED, CONTRACT_BROKEN
from recomamp.domain.text import bounded_quotes, one_line


class PipelineError(Exception):
    """Base of all errors of the pipeline."""

    error_type: ClassVar[str] = "PIPELINE_ERROR"


class InvalidDefinition(PipelineError):
    """A row of the database says something the pipeline cannot do.

    ``table``, ``column`` and ``key`` name the place to correct; ``key`` is the row's UUID if known.
    The problem may quote the row, so it becomes one line without control characters,
    and its quotes are shortened.
    """

    error_type: ClassVar[str] = "INVALID_DEFINITION"

    def __init__(self, problem: str, *, table: str = "", column: str = "", key: str = "") -> None:
        problem = one_line(bounded_quotes(problem))
        self.problem, self.table, self.column, self.key = problem, table, column, key
        place = ".".join(part for part in (table, column) if part)
        super().__init__(": ".join(part for part in (place, problem) if part))

    def at(self, *, table: str, column: str, key: str = "") -> InvalidDefinition:
        """Return the same problem, located; a place already named is kept."""
        return InvalidDefinition(
            self.problem,
            table=self.table or table,
            column=self.column or column,
            key=self.key or key,
        )


class ConfigurationError(PipelineError):
    """A setting of the deployment is absent or unusable."""

    error_type: ClassVar[str] = "CONFIGURATION_ERROR"


class DatabaseBusy(PipelineError):
    """All connections that the console may open are in use."""

    error_type: ClassVar[str] = "DATABASE_BUSY"


class AuthManagerBusy(PipelineError):
    """Airflow's auth manager takes long to say what a user may read in the console."""

    error_type: ClassVar[str] = "AUTH_MANAGER_BUSY"


class TokensUnreadable(ConfigurationError):
    """The stored tokens of one user cannot be decrypted; those of others may be."""

    error_type: ClassVar[str] = "TOKENS_UNREADABLE"


class LimitExceeded(PipelineError):
    """Amazon sends more than a limit allows. The message names the setting of the limit."""

    error_type: ClassVar[str] = "LIMIT_EXCEEDED"


class StepTimedOut(PipelineError):
    """A step of a run took longer than its ``execution_timeout``. The next try reattaches."""

    error_type: ClassVar[str] = "STEP_TIMED_OUT"


class WeekSkipped(PipelineError):
    """Somebody has set the week of a collection to SKIPPED: AMC is not asked about it."""

    error_type: ClassVar[str] = "WEEK_SKIPPED"


class InstanceUnusable(PipelineError):
    """The health check says that nothing works on the instance; the message says why."""

    error_type: ClassVar[str] = "INSTANCE_UNUSABLE"


class MigrationError(PipelineError):
    """The database cannot be brought to the state that the migration files describe."""

    error_type: ClassVar[str] = "MIGRATION_ERROR"


class AmazonError(PipelineError):
    """Amazon did not give what was asked for. The message keeps Amazon's own words.

    ``status`` is the HTTP status or None, ``code`` Amazon's own error code, ``request_id`` the
    value of ``x-amz-request-id``, ``retry_after_seconds`` what a Retry-After header asked for.
    """

    error_type: ClassVar[str] = "AMAZON_ERROR"

    def __init__(
        self,
        message: str = "",
        *,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.request_id = request_id
        self.retry_after_seconds = retry_after_seconds

    def add_remedy(self, remedy: str) -> None:
        """Append a remedy to Amazon's own text."""
        self.args = (f"{self}; {remedy}",)


class TransientError(AmazonError):
    """Amazon may answer better later."""

    error_type: ClassVar[str] = "TRANSIENT_ERROR"


class ResultNotReady(TransientError):
    """AMC says that an execution has SUCCEEDED, and does not give its result yet."""

    error_type: ClassVar[str] = "RESULT_NOT_READY"


class Unauthorized(AmazonError):
    """Amazon does not accept the access token."""

    error_type: ClassVar[str] = "UNAUTHORIZED"


class ConsentRevoked(AmazonError):
    """Amazon does not accept the refresh token: the user has to sign in with Amazon again."""

    error_type: ClassVar[str] = "CONSENT_REVOKED"


class RequestRejected(AmazonError):
    """Amazon refuses the request as it stands."""

    error_type: ClassVar[str] = "REQUEST_REJECTED"


class SubmissionUnknown(AmazonError):
    """An execution may or may not have been accepted: look for it before asking again."""

    error_type: ClassVar[str] = "SUBMISSION_UNKNOWN"


class DownloadLinkExpired(AmazonError):
    """A signed download link is no longer accepted: ask for new links."""

    error_type: ClassVar[str] = "DOWNLOAD_LINK_EXPIRED"


class UnexpectedResponse(AmazonError):
    """Amazon answered something the API does not promise."""

    error_type: ClassVar[str] = "UNEXPECTED_RESPONSE"


class ExecutionEnded(PipelineError):
    """AMC ended the execution without results. The message keeps AMC's ``statusReason``."""

    error_type: ClassVar[str] = "ENDED"


class ExecutionFailed(ExecutionEnded):
    """AMC ended the execution as FAILED."""

    error_type: ClassVar[str] = "FAILED"


class FinalAttemptFailed(ExecutionFailed):
    """The run has ended its last attempt; only a clear opens another."""

    error_type: ClassVar[str] = ExecutionFailed.error_type


class ExecutionRejected(ExecutionEnded):
    """AMC refuses to run the query."""

    error_type: ClassVar[str] = "REJECTED"


class ExecutionCancelled(ExecutionEnded):
    """The execution was cancelled."""

    error_type: ClassVar[str] = "CANCELLED"


class ExecutionTimedOut(ExecutionEnded):
    """The execution did not end before its deadline."""

    error_type: ClassVar[str] = "TIMED_OUT"


class InvalidResults(PipelineError):
    """Downloaded results are truncated, malformed or not what AMC described."""

    error_type: ClassVar[str] = "INVALID_RESULTS"


class ResultRefused(PipelineError):
    """The results are stored, and a rule of the user refuses them. A person has to decide."""

    error_type: ClassVar[str] = "RESULT_REFUSED"


class ContractBroken(ResultRefused):
    """The columns of a result are not those of the result before, and the contract is FREEZE."""

    error_type: ClassVar[str] = CONTRACT_BROKEN


class ResultChecksFailed(ResultRefused):
    """A result does not meet a condition whose severity is FAIL."""

    error_type: ClassVar[str] = CHECK_FAILED


class ExecutionLocked(PipelineError):
    """Another process sends the execution or loads its results, or may have taken that over."""

    error_type: ClassVar[str] = "LOCKED"


class ExecutionNoLongerOpen(PipelineError):
    """Another process ended the row while this one worked on it. The next try reads the row."""

    error_type: ClassVar[str] = "NO_LONGER_OPEN"


class MailError(PipelineError):
    """A mail did not get to the mail server, or may not have. The message keeps its words."""

    error_type: ClassVar[str] = "MAIL_ERROR"


class MailDeferred(MailError):
    """The server took nothing and may do so later."""

    error_type: ClassVar[str] = "MAIL_DEFERRED"


class MailServerUnavailable(MailDeferred):
    """The server takes nothing from anybody at the moment, or nothing from us."""

    error_type: ClassVar[str] = "MAIL_SERVER_UNAVAILABLE"


class MailRefused(MailError):
    """The server refuses this mail for good, or it cannot be addressed."""

    error_type: ClassVar[str] = "MAIL_REFUSED"


class MailDeliveryUnknown(MailError):
    """The server may have taken the mail: sending it again could send it twice."""

    error_type: ClassVar[str] = "MAIL_DELIVERY_UNKNOWN"


class WebhookError(PipelineError):
    """An event did not get to a user's webhook, or may not have. No message names the address."""

    error_type: ClassVar[str] = "WEBHOOK_ERROR"


class WebhookDeferred(WebhookError):
    """The server may take the event later. It may have taken it: the receiver knows its id."""

    error_type: ClassVar[str] = "WEBHOOK_DEFERRED"


class WebhookRefused(WebhookError):
    """No request may go to the address, or the server refuses the event for good."""

    error_type: ClassVar[str] = "WEBHOOK_REFUSED"


class PartialFailure(PipelineError):
    """Some of several parts failed; the others are done, and a second try leaves them alone.

    ``is_final``: no second try can help any part that failed. ``is_tenants_own``: the error of
    each of them is known of one tenant. ``retry_after_seconds``: the longest that Amazon asked for
    in one of ``errors``.
    """

    error_type: ClassVar[str] = "PARTIAL_FAILURE"

    def __init__(
        self,
        problem: str,
        *,
        errors: Iterable[Exception] = (),
        is_final: bool = False,
        is_tenants_own: bool = False,
    ) -> None:
        self.retry_after_seconds = max(map(retry_after_seconds, errors), default=0.0)
        self.is_final = is_final
        self.is_tenants_own = is_tenants_own
        super().__init__(problem)


# What no second try can change. Everything else is retried, and every retry reattaches.
FINAL_ERRORS = (
    ConsentRevoked,
    ExecutionCancelled,
    ExecutionRejected,
    ExecutionTimedOut,
    FinalAttemptFailed,
    InstanceUnusable,
    InvalidDefinition,
    LimitExceeded,
    ConfigurationError,
    RequestRejected,
    ResultRefused,
)

# What one user or one user's row is the cause of. The rows of that user say so: consent_error,
# health_error, amc_api_errors, error_message. Where every user meets one of them, the deployment
# is the likely cause (recomamp.pipeline.partial_failures.is_shared)
_TENANTS_OWN = (
    ConsentRevoked,
    InstanceUnusable,
    InvalidDefinition,
    LimitExceeded,
    RequestRejected,
    ResultRefused,
    TokensUnreadable,
)


def is_tenants_own(error: Exception) -> bool:
    """Return whether an error is a known state of one tenant, and the pipeline works."""
    is_of_parts = isinstance(error, PartialFailure) and error.is_tenants_own
    return is_of_parts or isinstance(error, _TENANTS_OWN)


def retry_after_seconds(error: BaseException) -> float:
    """Return how long Amazon asks to wait before the next try, 0 where it does not say."""
    if isinstance(error, (AmazonError, PartialFailure)):
        return error.retry_after_seconds or 0.0
    return 0.0


def is_final(error: BaseException) -> bool:
    """Return whether no second try can help."""
    return isinstance(error, FINAL_ERRORS) or (isinstance(error, PartialFailure) and error.is_final)
