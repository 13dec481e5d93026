"""The part of Kubernetes that scales a Deployment for KEDA: the HorizontalPodAutoscaler.

It follows the documentation of Kubernetes ("Horizontal Pod Autoscaling"): tolerance, stabilization
windows and policies, for a metric of the type AverageValue.
"""

from collections import deque
from math import ceil
from typing import Any

from tests import manifests

SYNC_SECONDS = 15
TOLERANCE = 0.1


class Autoscaler:
    def __init__(self, scaled_object: dict[str, Any]) -> None:
        spec = scaled_object["spec"]
        [trigger] = spec["triggers"]
        behavior = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
        self.fewest: int = spec["minReplicaCount"]
        self.most: int = spec["maxReplicaCount"]
        self._target = float(trigger["metadata"]["targetValue"])
        self._up, self._down = behavior["scaleUp"], behavior["scaleDown"]
        self._recommended: deque[tuple[float, int]] = deque()
        self._changes: deque[tuple[float, int]] = deque()

    def next_replicas(self, now: float, replicas: int, metric: int) -> int:
        """Return the number of replicas after this look at the metric."""
        usage = metric / (self._target * replicas)
        wanted = replicas if abs(usage - 1) <= TOLERANCE else ceil(metric / self._target)
        wanted = min(max(wanted, self.fewest), self.most)
        self._recommended.append((now, wanted))
        greatest = max(self._lately(now, self._down["stabilizationWindowSeconds"]))
        least = min(self._lately(now, self._up["stabilizationWindowSeconds"]))
        following = replicas
        if replicas < least:
            following = min(least, max(self._limits(now, replicas, self._up, 1)))
        elif replicas > greatest:
            following = max(greatest, min(self._limits(now, replicas, self._down, -1)))
        self._changes.append((now, following - replicas))
        return following

    def _lately(self, now: float, seconds: float) -> list[int]:
        return [number for at, number in self._recommended if now - at <= seconds]

    def _limits(
        self, now: float, replicas: int, rules: dict[str, Any], direction: int
    ) -> list[int]:
        """Return the replicas that each policy allows."""
        limits = []
        for policy in rules["policies"]:
            period = policy["periodSeconds"]
            before = replicas - sum(by for at, by in self._changes if now - at < period)
            if policy["type"] == "Percent":
                allowed = before * (1 + direction * policy["value"] / 100)
                limits.append(ceil(allowed) if direction > 0 else int(allowed))
            else:
                limits.append(before + direction * policy["value"])
        return limits


def production_autoscaler() -> Autoscaler:
    """Return the autoscaler that KEDA makes of production's ScaledObject."""
    return Autoscaler(manifests.one(manifests.read("production/scaling.yaml"), "ScaledObject"))
