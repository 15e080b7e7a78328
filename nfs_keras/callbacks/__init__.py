from nfs_keras.callbacks.temperature_annealing import (
    TemperatureAnnealing as TemperatureAnnealing,
)
