"""The server's commands of the script `task-manager`, which task-manager-client installs.

The script reads them from the entry point of this distribution, and leaves the work to
`entrypoints.cli`. They are named here so that `task-manager --help` imports nothing else.
"""

COMMANDS = {
    "local": "Run the whole service on this machine.",
    "repair": "Repair the damaged data of the embedded server, after copying it.",
    "api": "Serve the HTTP API.",
    "worker": "Run tasks of the queues in TASKS_QUEUES.",
    "maintenance": "Recover lost runs, wake workers, deliver webhooks, remove old tasks.",
    "keys": "Make, list, rotate and revoke the keys of the API. Needs Redis only.",
    "handlers": "Print all types of task of TASKS_HANDLERS. Needs no Redis.",
    "signing-key": "Print the secret that verifies tasks of the type http. Needs no Redis.",
    "openapi": "Print the OpenAPI specification. Needs no Redis.",
    "problems": "Print the meaning of each error of the API, as Markdown.",
    "health": "Exit with 0 if a part of the service on this host is healthy.",
    "export": "Write every task with all that is stored about it to stdout, beside live traffic.",
    "import": "Add the tasks of an archive on stdin that the store does not have.",
    "doctor": "Check settings, Redis, processes, queues and the API of this host.",
}
"""The help of each command. `handlers` has this name because `types` is one of the client."""
