"""Settings of the site. Every value that differs between installations comes from the environment (.env.example)."""

from __future__ import annotations

from pathlib import Path

import environ
from django.templatetags.static import static

from paysite.database import BoundedConnection
from paysite.logging import logging_config
from paysite.sandbox_banks import sandbox_banks
from paysite.time_limits import TimeLimits

#: Everybody knows it: start-up refuses it where the site serves https.
DEVELOPMENT_SEALING_KEY = "of no use where it matters"

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")

DEBUG = env.bool("DEBUG", default=False)
# Without one, whatever signs anything refuses to start; check, makemigrations and collectstatic need none.
SECRET_KEY = env.str("SECRET_KEY", default="")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
BASE_URL = env.str("BASE_URL", default="http://127.0.0.1:8000").rstrip("/")
LIVE_URL = env.str("LIVE_URL", default="http://127.0.0.1:8001").rstrip("/")
# Addresses of the balancers in front, which say who calls (X-Forwarded-For) and how (X-Forwarded-Proto).
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=[])
# How long a web or live process that is told to stop says that it is unready and still serves, in seconds: longer than
# a balancer needs to see it (two checks 0.3 s apart), and the same whatever TIME_DIVISOR is. 0 with nothing in front.
DRAIN_S = env.float("DRAIN_S", default=1.5)
# The demo player is signed in by itself, and the page offers the sandbox's stories. Never in production.
DEMO = env.bool("DEMO", default=False)
# Where players of the demo's partner may be sent back to; a real partner's addresses are registered in the admin.
DEMO_RETURN_ADDRESSES = ["https://casino.example/"]
OPERATOR_NAME = env.str("OPERATOR_NAME", default="Paysite Casino")
# The operator's colour (#rrggbb, dark enough to be read on white) and logo (a file: .svg, .png or .webp, of 8 KiB at
# most) on the players' pages; without them they have ours.
OPERATOR_ACCENT = env.str("OPERATOR_ACCENT", default="")
OPERATOR_LOGO = env.str("OPERATOR_LOGO", default="")
SUPPORT_URL = env.str("SUPPORT_URL", default="mailto:help@paysite.example")

TIME_DIVISOR = env.float("TIME_DIVISOR", default=1.0)
TIME_LIMITS = TimeLimits.divided_by(TIME_DIVISOR)

INSTALLED_APPS = [
    "unfold",
    # Its pages are found with the addresses (paysite/urls.py): who serves none of them starts in half the time.
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "paysite",
    "accounts",
    "deposits",
]

MIDDLEWARE = [
    "paysite.health.HealthMiddleware",
    "paysite.middleware.BehindProxyMiddleware",
    "paysite.middleware.RequestContextMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "deposits.ui.language.LanguageMiddleware",
    "paysite.page_middleware.PageSessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "paysite.page_middleware.PageAuthenticationMiddleware",
    "paysite.page_middleware.PageMessageMiddleware",
    "paysite.page_middleware.PageFrameMiddleware",
    "deposits.ui.headers.PlayerPageHeadersMiddleware",
]

ROOT_URLCONF = "paysite.urls"
WSGI_APPLICATION = "paysite.wsgi.application"
ASGI_APPLICATION = "paysite.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "deposits.ui.site.names",
            ],
        },
    },
]

# --- database -------------------------------------------------------------------------------------------------
DATABASES = {
    "default": env.db_url("DATABASE_URL", default="postgres://paysite:paysite@127.0.0.1:5432/paysite")
}
DATABASES["default"]["ENGINE"] = "django.db.backends.postgresql"
DATABASE_POOL = env.bool("DATABASE_POOL", default=False)
# A page or a call is not worth waiting for longer; what workers do in the background is.
DATABASE_STATEMENT_TIMEOUT_MS = env.int(
    "DATABASE_STATEMENT_TIMEOUT_MS", default=5_000 if DATABASE_POOL else 15_000
)
DATABASE_LOCK_TIMEOUT_MS = env.int("DATABASE_LOCK_TIMEOUT_MS", default=2_000)
# By our own clock, for a server that does not keep its own (paysite/database.py); pooled connections only.
DATABASE_ANSWER_S = DATABASE_STATEMENT_TIMEOUT_MS / 1_000 + 2
_DATABASE_OPTIONS: dict[str, object] = {
    "connect_timeout": 3,
    # The hot statements ask to be prepared; Django would forbid it. Off for a PgBouncer older than 1.21.
    "prepare_threshold": 5 if env.bool("DATABASE_PREPARE", default=True) else None,
    "options": (
        f"-c lock_timeout={DATABASE_LOCK_TIMEOUT_MS}"
        f" -c statement_timeout={DATABASE_STATEMENT_TIMEOUT_MS}"
        " -c idle_in_transaction_session_timeout=10000"
    ),
}
# The web pools its connections and answers 503 when none is free in time; worker children own one each.
if DATABASE_POOL:
    _DATABASE_OPTIONS["pool"] = {
        "connection_class": BoundedConnection,
        "min_size": 1,
        # As many as paysite.serve has threads: whoever waits for a lock with one keeps it from nobody.
        "max_size": env.int("DATABASE_POOL_SIZE", default=16),
        "timeout": 2,
        # Otherwise the pauses between tries to connect double for minutes, and the web stays away long after the
        # database is back.
        "reconnect_timeout": 2,
        "max_lifetime": 1_800,
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = None
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DATABASES["default"]["OPTIONS"] = _DATABASE_OPTIONS
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- queue: doorbells only, settings measured in docs/decisions/0003 ---------------------------------------------
REDIS_URL = env.str("REDIS_URL", default="redis://127.0.0.1:6379/0")
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
# True would run a task that kills its process in a hot loop; the sweeper covers the lost child.
CELERY_TASK_REJECT_ON_WORKER_LOST = False
CELERY_TASK_ACKS_ON_FAILURE_OR_TIMEOUT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_DISABLE_PREFETCH = True
CELERY_TASK_SOFT_TIME_LIMIT = TIME_LIMITS.task_soft
CELERY_TASK_TIME_LIMIT = TIME_LIMITS.task_hard
# SIGTERM is Celery's warm stop: at once when idle, else when the tasks at hand are done, which ask stopping.asked().
# SIGQUIT is harder, and gives them this long. REMAP_SIGTERM would make every idle worker wait as long.
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = TIME_LIMITS.task_soft + 5 / TIME_DIVISOR
CELERY_WORKER_ENABLE_SOFT_SHUTDOWN_ON_IDLE = False
# A Redis that comes back is found soon, and what was not acknowledged before ends nobody.
CELERY_WORKER_CONSUMER = "paysite.consumer:PatientConsumer"
CELERY_WORKER_MAX_TASKS_PER_CHILD = 2_000
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_DEFAULT_QUEUE = "carriers"
CELERY_DB_REUSE_MAX = 1_000_000
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": TIME_LIMITS.visibility,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_timeout": 5,
    "socket_connect_timeout": 1,
    "socket_keepalive": True,
    "health_check_interval": 15,
    "global_keyprefix": "q:",
}

# --- carriers -------------------------------------------------------------------------------------------------
SANDBOX_URL = env.str("SANDBOX_URL", default="http://127.0.0.1:8002").rstrip("/")
NOTIFICATION_SECRET = env.str("NOTIFICATION_SECRET", default="")
# What seals secrets and players' particulars in rows (accounts/sealing.py). The first seals, all open: put a new one in
# front, have everything sealed anew (`manage.py seal`), and drop the old one a day later.
SEALING_KEYS = env.list("SEALING_KEYS", default=[DEVELOPMENT_SEALING_KEY])
CARRIERS: list[dict[str, object]] = env.json(
    "CARRIERS",
    default=[
        {
            "code": "sandbox-mobile",
            "adapter": "camara",
            "name": "Sandbox Mobile",
            "base_url": f"{SANDBOX_URL}/carrier-billing/v0.5",
            "refund_url": f"{SANDBOX_URL}/carrier-billing-refund/v0.3",
            "token_url": f"{SANDBOX_URL}/oauth2/token",
            "client_id": env.str("SANDBOX_CLIENT_ID", default="paysite"),
            "client_secret": env.str("SANDBOX_CLIENT_SECRET", default=""),
            "prefixes": ["+44770090"],
            "notification_url": f"{BASE_URL}/carriers/sandbox-mobile/notifications",
            "notification_secret": NOTIFICATION_SECRET,
            "descriptor": "PAYSITE*CASINO",
            # To see the page of a network that texts its customers a question about each payment.
            "reply_text": env.str("SANDBOX_REPLY_TEXT", default=""),
            "reply_to": env.str("SANDBOX_REPLY_TO", default=""),
            "unavailable_means_not_processed": True,  # docs/sandbox.md
            "horizon_s": 45 / TIME_DIVISOR,
            "clocks_apart_s": 120 / TIME_DIVISOR,
            "not_found_apart_s": 60 / TIME_DIVISOR,
            "resend_within_s": 900 / TIME_DIVISOR,
            "reference_kept_s": 24 * 3_600 / TIME_DIVISOR,
            "http_total_s": TIME_LIMITS.http_total,
            "connect_timeout_s": 3 / TIME_DIVISOR,
        },
        *sandbox_banks(
            env.str("SANDBOX_BANK_URL", default="http://127.0.0.1:8006").rstrip("/"),
            BASE_URL,
            client_id=env.str("SANDBOX_CLIENT_ID", default="paysite"),
            client_secret=env.str("SANDBOX_CLIENT_SECRET", default=""),
            signing_key=env.str("BANK_SIGNING_KEY", default="", multiline=True),
            binding_secret=SECRET_KEY,
            time_divisor=TIME_DIVISOR,
            http_total_s=TIME_LIMITS.http_total,
        ),
    ],
)

# What sends players their sign-in codes (docs/players-sign-in.md); {} for nothing, and then nobody signs in by code.
MESSAGES: dict[str, str] = env.json(
    "MESSAGES", default={"adapter": "sandbox", "base_url": SANDBOX_URL} if DEMO else {}
)

# --- deposits -------------------------------------------------------------------------------------------------
# Where a calendar day, week or month of a limit begins and ends.
TIME_ZONE = env.str("TIME_ZONE", default="Europe/London")
# Whose rules a deposit falls under, by its currency; where nobody's is named, those that hold everywhere.
JURISDICTIONS: dict[str, str] = env.json("JURISDICTIONS", default={"GBP": "GB", "EUR": "EU"})
# Chips and range of the player's page, in minor units; the carrier's own range is in its profile.
DEPOSIT_CHIPS_MINOR = (1_000, 2_000, 3_000, 4_000)
DEPOSIT_PAGE_MINIMUM_MINOR = 500
DEPOSIT_PAGE_CURRENCY = "GBP"
# The national register of exclusions that is asked before a charge (docs/protections.md); {} for none.
REGISTER: dict[str, object] = env.json("REGISTER", default={})
# Where players are asked to set a limit of their own before the first deposit (UKGC RTS 12A).
LIMIT_PROMPT_IN = env.list("LIMIT_PROMPT_IN", default=["GB"])
# For tests: a folder that says where processes are to die (deposits/crash_points.py).
CRASH_POINTS = env.str("CRASH_POINTS", default="")
WORKER_BATCH_SIZE = env.int("WORKER_BATCH_SIZE", default=20)
# Conversations that one worker child holds at once; a third of them with one carrier at most.
WORKER_SLOTS = env.int("WORKER_SLOTS", default=180)
# Where "Play" leads when the partner gave no address to return to, and where a player signs in.
LOBBY_URL = env.str("LOBBY_URL", default="/demo/" if DEMO else "/deposit/")
SIGN_IN_URL = env.str("SIGN_IN_URL", default="/sign-in/" if MESSAGES and not DEMO else LOBBY_URL)
# What one member of staff may refund of a deposit without a second person, in minor units.
REFUND_ALONE_MINOR = env.int("REFUND_ALONE_MINOR", default=4_000)
# What players are promised about a deposit that people look at.
REVIEW_WITHIN = env.str("REVIEW_WITHIN", default="one working day")
# Without script the answer to a tap is held until the result is known, at most this long and in so many threads of
# one process: each holds a thread, and the others must go on.
HELD_POST_S = 8.0
HELD_POSTS_PER_PROCESS = env.int("HELD_POSTS_PER_PROCESS", default=2)
# Event streams that one `live` process holds open, and threads in which it reads the database for them.
LIVE_STREAMS_PER_PROCESS = env.int("LIVE_STREAMS_PER_PROCESS", default=500)
LIVE_READERS = env.int("LIVE_READERS", default=4)

# --- people ---------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "admin:login"

# --- what goes over the wire -------------------------------------------------------------------------------------
SECURE_COOKIES = BASE_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_COOKIES
SESSION_COOKIE_NAME = "__Host-session" if SECURE_COOKIES else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if SECURE_COOKIES else "csrf"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_HSTS_SECONDS = 31_536_000 if SECURE_COOKIES else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE_COOKIES
SECURE_SSL_REDIRECT = False  # the proxy in front redirects; behind it every request is plain
# Without it no form that came by https would be taken: the browser's Origin would not be ours.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Of `check --deploy`: what is in front redirects to https, and our own middleware sets X-Frame-Options, which the check
# does not recognise.
SILENCED_SYSTEM_CHECKS = ["security.W008", "security.W002"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024
CSRF_FAILURE_VIEW = "paysite.errors.csrf_failure"

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / ".data" / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": env.str(
            "STATICFILES_BACKEND", default="whitenoise.storage.CompressedManifestStaticFilesStorage"
        )
    },
}

# Where the files are not collected (tests, development) they are served from where they lie.
WHITENOISE_USE_FINDERS = "Manifest" not in STORAGES["staticfiles"]["BACKEND"]

# What machines and staff read. Players read what they choose of these, the first where neither they nor their browsers
# say anything that is offered (docs/languages.md).
LANGUAGE_CODE = "en-gb"
PAGE_LANGUAGES: list[str] = env.list("PAGE_LANGUAGES", default=["en", "cy", "de", "es", "ar"])
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["deposits.api.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["deposits.api.authentication.HasScope"],
    "EXCEPTION_HANDLER": "deposits.api.problems.problem_response",
    "DEFAULT_SCHEMA_CLASS": "deposits.api.schema.DescribedSchema",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Paysite API",
    "VERSION": "1",
    "DESCRIPTION": "Take deposits by phone bill and from banks, and know the truth about each of them.",
    "OAS_VERSION": "3.1.0",
    "POSTPROCESSING_HOOKS": ["deposits.api.schema.complete"],
    "SCHEMA_PATH_PREFIX": "/api/v1",
}
UNFOLD = {
    "SITE_TITLE": "Paysite",
    "SITE_HEADER": "Paysite",
    "SITE_SYMBOL": "account_balance_wallet",
    "SITE_URL": None,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("icon.svg")}],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "DASHBOARD_CALLBACK": "deposits.admin.dashboard.context",
    "SIDEBAR": {"navigation": "deposits.admin.navigation.groups"},
    "COLORS": {
        "primary": {
            "50": "oklch(97% .014 254.604)",
            "100": "oklch(93.2% .032 255.585)",
            "200": "oklch(88.2% .059 254.128)",
            "300": "oklch(80.9% .105 251.813)",
            "400": "oklch(70.7% .165 254.624)",
            "500": "oklch(62.3% .214 259.815)",
            "600": "oklch(54.6% .245 262.881)",
            "700": "oklch(48.8% .243 264.376)",
            "800": "oklch(42.4% .199 265.638)",
            "900": "oklch(37.9% .146 265.522)",
            "950": "oklch(28.2% .091 267.935)",
        },
    },
}

# --- monitoring -----------------------------------------------------------------------------------------------
# The bearer token that opens /metrics; without one there is nothing at that address.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
# In this folder all processes of a host count together (prometheus-client's own name for it). Empty it when the host
# starts; without it each process counts, and shows, only what it has seen itself.
if METRICS_DIR := env.str("PROMETHEUS_MULTIPROC_DIR", default=""):
    Path(METRICS_DIR).mkdir(parents=True, exist_ok=True)

# --- logs -----------------------------------------------------------------------------------------------------
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOGGING = logging_config(LOG_LEVEL)
LOGGING_CONFIG = "logging.config.dictConfig"
