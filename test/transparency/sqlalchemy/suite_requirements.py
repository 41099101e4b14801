"""What PostgreSQL has beyond what the suite takes for granted: the more stands here, the fewer tests are skipped."""

from sqlalchemy.testing import exclusions
from sqlalchemy.testing.requirements import SuiteRequirements

HAS = """
array_type autocommit check_constraint_reflection comment_reflection comment_reflection_full_unicode computed_columns
computed_columns_stored ctes ctes_on_dml ctes_with_update_delete datetime_timezone datetime_interval delete_returning
empty_inserts_executemany fetch_first fetch_ties foreign_key_constraint_option_reflection_ondelete
foreign_key_constraint_option_reflection_onupdate identity_columns identity_columns_standard independent_connections
index_reflects_included_columns insert_returning insertmanyvalues isolation_level json_array_indexes json_type
materialized_views multivalues_inserts nullsordering reflect_indexes_with_ascdesc reflect_tables_no_columns
reflects_pk_names regexp_match regexp_replace savepoints schemas sequences sequences_optional server_side_cursors
supports_distinct_on supports_is_distinct_from symbol_names_w_double_quote table_value_constructor temp_table_names
temp_table_reflection temporary_tables temporary_views timestamp_microseconds_implicit_bound tuple_in tuple_in_w_empty
unique_constraint_reflection unique_constraints_reflect_as_index update_from update_returning uuid_data_type views
window_functions
""".split()


class Requirements(SuiteRequirements):
    def get_isolation_levels(self, config):
        levels = ["AUTOCOMMIT", "READ COMMITTED", "READ UNCOMMITTED", "REPEATABLE READ", "SERIALIZABLE"]
        return {"default": "READ COMMITTED", "supported": levels}


for name in HAS:
    setattr(Requirements, name, property(lambda self: exclusions.open()))
