"""Names that infrastructure and runtime both spell."""

from enum import StrEnum

BUS_SOURCE = "shelflife"
METRICS_NAMESPACE = "shelflife"
#: Where the edge stack leaves the API's address, and jobs find it.
API_URL_PARAMETER = "/shelflife/{stage}/api_url"
#: Where a job's own token waits for it, encrypted; one parameter per job.
JOB_TOKEN_PARAMETER = "/shelflife/{stage}/jobs/{job_id}/token"  # noqa: S105 - a name, not a token


class Context(StrEnum):
    ACCESS = "access"
    DATA = "data"
    TRACKING = "tracking"
    TRACING = "tracing"
    TRAINING = "training"
    VALIDATION = "validation"
    REGISTRY = "registry"
    SERVING = "serving"
    MONITORING = "monitoring"


class Header(StrEnum):
    IDEMPOTENCY_KEY = "idempotency-key"
    DEPLOYMENT_REVISION = "x-shelflife-revision"
    MODEL_VERSION = "x-shelflife-model-version"
    #: Asked: this variant, for a test. Answered: who answered.
    VARIANT = "x-shelflife-variant"
    #: Requests of one key get one variant.
    STICKY_KEY = "x-shelflife-key"
    #: Answered, where answers are kept: hit or miss.
    CACHE = "x-shelflife-cache"
    REQUEST_ID = "x-request-id"


class Metric(StrEnum):
    """Metrics in our namespace; the page on scaling says when each is told."""

    EVENTS = "Events"
    FAILURES = "Failures"
    DURATION = "Duration"
    LATENCY = "Latency"
    COLD_START = "ColdStart"
    CACHE_HITS = "CacheHits"
    CACHE_MISSES = "CacheMisses"
    MODEL_LOADS = "ModelLoads"
    MODEL_LOAD_TIME = "ModelLoadTime"
    CAPTURES_DROPPED = "CapturesDropped"
    CAPTURES_SPILLED = "CapturesSpilled"


class Unit(StrEnum):
    """CloudWatch's names of units."""

    COUNT = "Count"
    MILLISECONDS = "Milliseconds"


class Prefix(StrEnum):
    """Top folders of the artifact bucket; grants are given by these."""

    DATASETS = "datasets/"
    UPLOADS = "uploads/"
    TRAINING = "training/"
    TRACKING = "tracking/"
    TRACES = "traces/"
    REPORTS = "reports/"
    #: What clients registered and can be served, by its SHA-256.
    MODELS = "models/"
