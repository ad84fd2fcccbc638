"""One small adapter per assistant, behind one protocol."""
