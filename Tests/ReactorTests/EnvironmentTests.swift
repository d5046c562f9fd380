import Testing

/// Whatever reads or sets environment variables, which belong to the whole process: one test after the other.
@Suite(.serialized) struct EnvironmentTests {}
