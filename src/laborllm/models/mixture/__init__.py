"""A weighted mean of the forecasts of other models."""
