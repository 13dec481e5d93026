"""The command line of the Task Manager API. It is built on `task_manager_client`."""
