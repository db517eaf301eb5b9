"""The only importer of faust and aiokafka."""
