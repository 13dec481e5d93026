"""What KEDA 2.17 documents of its own kinds, as JSON Schemas.

The pages are "ScaledObject specification", "Metrics API" and "Authentication". kubernetes-validate
has none of it.
"""

from typing import Any


def texts(*names: str) -> dict[str, Any]:
    """Return the schemas of members that are strings."""
    return {name: {"type": "string"} for name in names}


OBJECT = {"type": "object", "additionalProperties": False}
POSITIVE = {"type": "integer", "minimum": 1}
SECONDS = {"type": "integer", "minimum": 0, "maximum": 3_600}
RULES = OBJECT | {
    "required": ["policies"],
    "properties": {
        "stabilizationWindowSeconds": SECONDS,
        "selectPolicy": {"enum": ["Max", "Min", "Disabled"]},
        "policies": {
            "type": "array",
            "minItems": 1,
            "items": OBJECT
            | {
                "required": ["type", "value", "periodSeconds"],
                "properties": {
                    "type": {"enum": ["Percent", "Pods"]},
                    "value": POSITIVE,
                    "periodSeconds": POSITIVE | {"maximum": 1_800},
                },
            },
        },
    },
}
TRIGGER = OBJECT | {
    "required": ["type", "metadata"],
    "properties": {
        "type": {"const": "metrics-api"},
        "name": {"type": "string"},
        "metricType": {"enum": ["AverageValue", "Value"]},
        "useCachedMetrics": {"type": "boolean"},
        "authenticationRef": OBJECT
        | {
            "required": ["name"],
            "properties": {
                "name": {"type": "string"},
                "kind": {"enum": ["TriggerAuthentication", "ClusterTriggerAuthentication"]},
            },
        },
        "metadata": OBJECT
        | {
            "required": ["url", "valueLocation", "targetValue"],
            "properties": texts(  # numbers, too
                *("url", "format", "valueLocation", "targetValue", "activationTargetValue"),
                *("unsafeSsl", "authMode", "aggregateFromKubeServiceEndpoints"),
                *("aggregationType", "method", "keyParamName"),
            ),
        },
    },
}
SCALED_OBJECT = OBJECT | {
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "apiVersion": {"const": "keda.sh/v1alpha1"},
        "kind": {"const": "ScaledObject"},
        "metadata": {"type": "object", "required": ["name"]},
        "spec": OBJECT
        | {
            "required": ["scaleTargetRef", "triggers"],
            "properties": {
                "scaleTargetRef": OBJECT
                | {
                    "required": ["name"],
                    "properties": texts("apiVersion", "kind", "name", "envSourceContainerName"),
                },
                "pollingInterval": POSITIVE,
                "cooldownPeriod": SECONDS,
                "initialCooldownPeriod": SECONDS,
                "idleReplicaCount": {"const": 0},
                "minReplicaCount": {"type": "integer", "minimum": 0},
                "maxReplicaCount": POSITIVE,
                "fallback": {"type": "object", "required": ["failureThreshold", "replicas"]},
                "advanced": OBJECT
                | {
                    "properties": {
                        "restoreToOriginalReplicaCount": {"type": "boolean"},
                        "scalingModifiers": {"type": "object"},
                        "horizontalPodAutoscalerConfig": OBJECT
                        | {
                            "properties": {
                                "name": {"type": "string"},
                                "behavior": OBJECT
                                | {"properties": {"scaleUp": RULES, "scaleDown": RULES}},
                            }
                        },
                    }
                },
                "triggers": {"type": "array", "minItems": 1, "items": TRIGGER},
            },
        },
    },
}
TRIGGER_AUTHENTICATION = OBJECT | {
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "apiVersion": {"const": "keda.sh/v1alpha1"},
        "kind": {"const": "TriggerAuthentication"},
        "metadata": {"type": "object", "required": ["name"]},
        "spec": OBJECT
        | {
            "required": ["secretTargetRef"],
            "properties": {
                "secretTargetRef": {
                    "type": "array",
                    "minItems": 1,
                    "items": OBJECT
                    | {
                        "required": ["parameter", "name", "key"],
                        "properties": texts("parameter", "name", "key"),
                    },
                },
            },
        },
    },
}
