"""System relations that are rightly empty: what they list cannot be created here. Clients join them all the same."""

from __future__ import annotations

EMPTY = (
    "pg_conversion", "pg_event_trigger", "pg_foreign_data_wrapper", "pg_foreign_server",
    "pg_foreign_table", "pg_largeobject_metadata", "pg_parameter_acl", "pg_policies", "pg_policy",
    "pg_publication", "pg_publication_namespace", "pg_publication_rel", "pg_publication_tables",
    "pg_replication_origin", "pg_replication_slots", "pg_rules", "pg_seclabel", "pg_seclabels",
    "pg_shdepend", "pg_shseclabel", "pg_stat_replication", "pg_stat_subscription", "pg_statistic_ext",
    "pg_statistic_ext_data", "pg_subscription", "pg_subscription_rel", "pg_transform", "pg_trigger",
    "pg_user_mapping", "pg_user_mappings",
)  # fmt: skip
