"""MQTT: transport, session, envelope, commands, reports."""
