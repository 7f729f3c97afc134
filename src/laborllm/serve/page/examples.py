"""Careers of people who do not exist, for a visitor to begin with."""

from laborllm.serve.page.form import Form, Job

EXAMPLES = {
    "A line cook": Form(
        jobs=(
            Job("Dishwasher", "2015", "2016", "high school"),
            Job("Line cook", "2017", "2024", "high school"),
        ),
        birth_year="1996",
        region="south",
    ),
    "A nurse aide back at school": Form(
        jobs=(
            Job("Cashier", "2016", "2018", "high school"),
            Job("Nurse aide", "2019", "2024", "some college"),
        ),
        birth_year="1998",
        gender="female",
    ),
    "A machinist laid off": Form(
        jobs=(
            Job("Assembler", "2008", "2012", "high school"),
            Job("Machinist", "2013", "2023", "high school"),
            Job("Unemployed", "2024", "", "high school"),
        ),
        birth_year="1985",
        gender="male",
        region="northcentral",
    ),
}
