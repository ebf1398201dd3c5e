"""The local cloud: AWS's interfaces on loopback, from one process of ours, without Docker.

``LocalCloud`` (``infra.local.cloud``) starts it and ``python -m infra.local serve`` is the process itself:
ministack, pinned, with the patches of ``infra.local.patches`` and the job back ends of ``infra.local.jobs``.
"""
