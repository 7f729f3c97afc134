"""The National Longitudinal Surveys as their archive hands them out."""
