"""Calls Percorso: scores, events and decisions.

    from percorso import Percorso

    with Percorso("127.0.0.1:50051") as service:
        print(service.score("C000001").churn[0].probability)
"""

from percorso.client import Moment, Percorso, event, moment

__all__ = ["Moment", "Percorso", "event", "moment"]
